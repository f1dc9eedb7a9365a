/**
 * CUDA devices through the driver API. Everything runs in the device's primary context, which is
 * pushed and popped around each group of calls; every result code is checked here; streams are
 * always explicit.
 */
@NullMarked
package dev.attune.runtime.cuda;

import org.jspecify.annotations.NullMarked;
