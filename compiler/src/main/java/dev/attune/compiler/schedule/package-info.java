/**
 * How a kernel is arranged on the hardware: targets and their limits, and the schedule (tiles,
 * stages, warps) chosen for a spec. A schedule never changes results.
 */
@NullMarked
package dev.attune.compiler.schedule;

import org.jspecify.annotations.NullMarked;
