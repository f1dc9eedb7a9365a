package dev.attune.ptx.emulate;

/**
 * How to run a launch. Two runs with equal options on one program and one memory do the same.
 *
 * @param seed replays every random choice
 * @param async when asynchronous data arrives
 * @param warps order of the warps in a CTA
 * @param threads host threads that run CTAs, at least one; the outcome does not depend on it
 * @param instructionLimit warp instructions that one CTA may execute before it counts as hung
 */
public record EmulatorOptions(
    long seed, AsyncPolicy async, WarpOrder warps, int threads, long instructionLimit) {
  public EmulatorOptions {
    if (threads < 1 || instructionLimit < 1) {
      throw new IllegalArgumentException("Threads and the instruction limit must be positive.");
    }
  }

  /** Latest arrival, round robin, one host thread per processor, 2³² instructions. */
  public static EmulatorOptions defaults() {
    return new EmulatorOptions(
        0,
        AsyncPolicy.LATEST,
        WarpOrder.ROUND_ROBIN,
        Runtime.getRuntime().availableProcessors(),
        1L << 32);
  }

  /** These options with another schedule. */
  public EmulatorOptions withSchedule(long newSeed, AsyncPolicy newAsync, WarpOrder newWarps) {
    return new EmulatorOptions(newSeed, newAsync, newWarps, threads, instructionLimit);
  }
}
