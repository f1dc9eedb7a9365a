/**
 * Golden vectors: what a GPU answered to single instructions, replayed on the emulator. A case is a
 * small kernel around one instruction form that the compiler emits, with inputs drawn from its
 * name. Recording runs every case on a GPU and keeps the outputs in one file; the build runs them
 * on the emulator and compares.
 */
@NullMarked
package dev.attune.runtime.vectors;

import org.jspecify.annotations.NullMarked;
