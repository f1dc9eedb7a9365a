package dev.attune.ptx.emulate;

/**
 * When the data of an asynchronous copy arrives, between its issue and the wait that completes it.
 */
public enum AsyncPolicy {
  /**
   * Read and written when the completing wait succeeds; the destination holds poison until then.
   */
  LATEST,
  /** Read and written at issue. */
  EARLIEST,
  /** One of the two for each copy, by the seed. */
  RANDOM
}
