/**
 * {@code attune generate}: typed launchers and kernels for folders of {@code .attn} files, kept in
 * step with them by content. Knows nothing of the command line.
 */
@NullMarked
package dev.attune.cli.generate;

import org.jspecify.annotations.NullMarked;
