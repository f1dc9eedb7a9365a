package dev.attune.compiler.schedule;

/**
 * How the sequences of a batch lie in Q, K, V and O. In a batch that is not dense each sequence has
 * its own lengths: {@code Sq} and {@code Skv} are those of the sequence, positions count from its
 * first token, and {@code b} is its number. The extents of captured tensors alone mean the launch's
 * maxima.
 */
public enum Batching {
  /** [B, S, H, D], all of the same length. */
  DENSE,
  /** [B, S, H, D], of each sequence only the first tokens: how many, B int32 say. */
  PADDED,
  /**
   * [tokens, H, D], one sequence after another: where each begins and the last ends, B + 1 int32
   * say.
   */
  PACKED
}
