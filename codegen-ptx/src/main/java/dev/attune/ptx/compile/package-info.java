/** The whole line from a spec to an artifact. */
@NullMarked
package dev.attune.ptx.compile;

import org.jspecify.annotations.NullMarked;
