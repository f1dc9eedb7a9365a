/**
 * Times kernels on a CUDA device: problems with random data that live on the device, shuffled
 * rounds between events, and the choice of the fastest schedule.
 */
@NullMarked
package dev.attune.cli.measure;

import org.jspecify.annotations.NullMarked;
