/** Small complete programs to copy. */
@NullMarked
package dev.attune.samples;

import org.jspecify.annotations.NullMarked;
