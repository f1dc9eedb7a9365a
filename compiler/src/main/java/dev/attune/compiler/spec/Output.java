package dev.attune.compiler.spec;

/** A result besides O that a spec may ask for. */
public enum Output {
  /** Natural-log LSE per row, float32 [B, Hq, Sq]; −∞ for a row with no live key. */
  LSE,
  /** Largest live score per row in natural units, float32 [B, Hq, Sq]. */
  MAX_SCORE
}
