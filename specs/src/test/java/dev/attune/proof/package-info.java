/**
 * The proof that specs become right kernels: every stage at once, from the text of a spec to the
 * numbers that a device writes, judged by the reference, by tests whose answer is known, and by
 * what must not change. The same tests run on the emulator and, where tagged {@code gpu}, on CUDA.
 */
@NullMarked
package dev.attune.proof;

import org.jspecify.annotations.NullMarked;
