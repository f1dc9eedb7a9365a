package dev.attune.ptx.emulate;

/**
 * When an asynchronous effect happens, between its issue and the wait that completes it: the data
 * of a copy arrives, or {@code wgmma} reads its operands and adds to its accumulators.
 */
public enum AsyncPolicy {
  /**
   * Read and written when the completing wait succeeds; the destination, or an accumulator, holds
   * poison until then.
   */
  LATEST,
  /** Read and written at issue. */
  EARLIEST,
  /** One of the two for each of them, by the seed. */
  RANDOM
}
