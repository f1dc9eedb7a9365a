/** An attention compiled from text when the program runs. */
@NullMarked
package dev.attune.samples.jit;

import org.jspecify.annotations.NullMarked;
