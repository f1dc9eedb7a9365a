/**
 * Kernels on devices: {@link dev.attune.runtime.Device} allocates {@link
 * dev.attune.runtime.Tensor}s and loads artifacts, {@link dev.attune.runtime.Kernel} checks every
 * argument against the real allocations and launches. The same code checks launches on a GPU and on
 * the emulator.
 */
@NullMarked
package dev.attune.runtime;

import org.jspecify.annotations.NullMarked;
