package dev.attune.ptx.emulate;

/**
 * What a launch executed, summed over its CTAs; independent of the schedule for a race-free kernel
 * that does not spin.
 *
 * @param warpInstructions instructions executed by warps, guarded-off ones included
 * @param threadInstructions the same, times the active threads that pass the guard
 * @param mmaInstructions tensor-core instructions, of a warp ({@code mma}) or a warpgroup ({@code
 *     wgmma})
 * @param sharedTransactions 128-byte passes over the banks of shared memory by loads, stores and
 *     {@code ldmatrix}
 * @param sharedConflicts those passes beyond what conflict-free accesses would have needed
 * @param globalLoadSectors 32-byte sectors touched by loads and asynchronous copies, per
 *     instruction
 * @param globalStoreSectors 32-byte sectors touched by stores and atomics, per instruction
 * @param barrierWaits barrier instructions executed by warps
 * @param asyncCopies asynchronous copies issued by threads
 */
public record LaunchReport(
    long warpInstructions,
    long threadInstructions,
    long mmaInstructions,
    long sharedTransactions,
    long sharedConflicts,
    long globalLoadSectors,
    long globalStoreSectors,
    long barrierWaits,
    long asyncCopies) {}
