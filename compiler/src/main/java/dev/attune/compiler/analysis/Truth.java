package dev.attune.compiler.analysis;

import dev.attune.compiler.spec.CompareOp;

/** What is known of a bool over a set of elements. */
public enum Truth {
  /** False at every element. */
  NEVER,
  /** True at every element. */
  ALWAYS,
  /** Not known to be the same everywhere. */
  MAYBE;

  /** The truth of a known value. */
  public static Truth of(boolean value) {
    return value ? ALWAYS : NEVER;
  }

  /** Of the negation. */
  public Truth not() {
    return switch (this) {
      case NEVER -> ALWAYS;
      case ALWAYS -> NEVER;
      case MAYBE -> MAYBE;
    };
  }

  /** Of the conjunction. */
  public Truth and(Truth other) {
    return this == NEVER || other == NEVER
        ? NEVER
        : this == ALWAYS && other == ALWAYS ? ALWAYS : MAYBE;
  }

  /** Of the disjunction. */
  public Truth or(Truth other) {
    return not().and(other.not()).not();
  }

  /** Of what holds where both are possible: the common value, or MAYBE. */
  public Truth join(Truth other) {
    return this == other ? this : MAYBE;
  }

  /** Of comparing with zero a number in an interval. */
  static Truth compareWithZero(CompareOp op, Interval d) {
    return switch (op) {
      case LT -> d.hi() < 0 ? ALWAYS : d.lo() >= 0 ? NEVER : MAYBE;
      case LE -> d.hi() <= 0 ? ALWAYS : d.lo() > 0 ? NEVER : MAYBE;
      case GT -> compareWithZero(CompareOp.LE, d).not();
      case GE -> compareWithZero(CompareOp.LT, d).not();
      case EQ -> d.lo() == 0 && d.hi() == 0 ? ALWAYS : d.contains(0) ? MAYBE : NEVER;
      case NE -> compareWithZero(CompareOp.EQ, d).not();
    };
  }
}
