/**
 * The Ampere family: {@code mma.sync} over {@code ldmatrix} fragments, tiles brought by {@code
 * cp.async}. It runs on every NVIDIA GPU of compute capability 8.0 and later.
 */
@NullMarked
package dev.attune.ptx.ampere;

import org.jspecify.annotations.NullMarked;
