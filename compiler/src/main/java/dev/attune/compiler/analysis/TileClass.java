package dev.attune.compiler.analysis;

import dev.attune.compiler.spec.Expr;

/** What a mask says of a set of (q, kv) pairs. */
public enum TileClass {
  /** No pair is live. */
  EMPTY,
  /** Every pair is live. */
  FULL,
  /** Neither is known. */
  PARTIAL;

  /**
   * The class of the tile that the ranges describe. Never wrong; PARTIAL where interval evaluation
   * cannot tell.
   */
  public static TileClass classify(Expr mask, Ranges tile) {
    return switch (tile.bool(mask)) {
      case NEVER -> EMPTY;
      case ALWAYS -> FULL;
      case MAYBE -> PARTIAL;
    };
  }
}
