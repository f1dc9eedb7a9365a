package dev.attune.compiler.schedule;

import dev.attune.compiler.spec.Shape;

/**
 * Lengths from one to another, both included.
 *
 * @param to {@link Shape#MAX_SEQ} where there is no end
 */
public record Lengths(int from, int to) {
  /** Every length. */
  public static final Lengths ALL = new Lengths(1, Shape.MAX_SEQ);

  public Lengths {
    if (from < 1 || to < from || to > Shape.MAX_SEQ) {
      throw new IllegalArgumentException("no lengths: " + from + " to " + to);
    }
  }

  /** Whether a length is one of these; none at all counts as 1. */
  public boolean contains(int length) {
    return from <= Math.max(1, length) && length <= to;
  }

  /** Whether some length is one of both. */
  public boolean overlaps(Lengths other) {
    return from <= other.to && other.from <= to;
  }
}
