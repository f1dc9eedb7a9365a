/**
 * Random specs with random problems, for property tests of every level from the reference down to a
 * device. A case prints as a {@code .attn} file and the command that runs it.
 */
@NullMarked
package dev.attune.compiler.random;

import org.jspecify.annotations.NullMarked;
