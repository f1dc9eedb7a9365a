package dev.attune.ptx;

import dev.attune.compiler.spec.CompareOp;
import java.util.Optional;

/**
 * What is known of an integer: it lies between two values, counted from the kernel's shared memory
 * where it is an address in it.
 */
record Range(long low, long high, boolean shared) {
  /** Beyond this nothing is said, so that sums do not overflow. */
  private static final long LIMIT = 1L << 40;

  static Range of(long value) {
    return new Range(value, value, false);
  }

  /** Whether only one value is possible. */
  boolean single() {
    return low == high;
  }

  private static Optional<Range> made(long low, long high, boolean shared) {
    return low < -LIMIT || high > LIMIT
        ? Optional.empty()
        : Optional.of(new Range(low, high, shared));
  }

  /** What is known of the result of an operation. */
  static Optional<Range> of(Inst.IntOp op, Range a, Range b) {
    boolean numbers = !a.shared && !b.shared;
    return switch (op) {
      case ADD ->
          a.shared && b.shared
              ? Optional.empty()
              : made(a.low + b.low, a.high + b.high, a.shared || b.shared);
      case SUB -> b.shared ? Optional.empty() : made(a.low - b.high, a.high - b.low, a.shared);
      case MUL ->
          numbers && a.low >= 0 && b.low >= 0 && small(a) && small(b)
              ? made(a.low * b.low, a.high * b.high, false)
              : Optional.empty();
      case SHL ->
          numbers && a.low >= 0 && small(a) && b.single() && b.low >= 0 && b.low < 20
              ? made(a.low << b.low, a.high << b.low, false)
              : Optional.empty();
      case SHR ->
          numbers && a.low >= 0 && b.single() && b.low >= 0 && b.low < 32
              ? made(a.low >> b.low, a.high >> b.low, false)
              : Optional.empty();
      case DIV ->
          numbers && a.low >= 0 && b.single() && b.low > 0
              ? made(a.low / b.low, a.high / b.low, false)
              : Optional.empty();
      case AND -> numbers && b.single() ? and(a, b.low) : Optional.empty();
      case REM ->
          numbers && b.single() && b.low > 0 && Long.bitCount(b.low) == 1
              ? and(a, b.low - 1)
              : Optional.empty();
      case MIN ->
          numbers
              ? made(Math.min(a.low, b.low), Math.min(a.high, b.high), false)
              : Optional.empty();
      case MAX ->
          numbers
              ? made(Math.max(a.low, b.low), Math.max(a.high, b.high), false)
              : Optional.empty();
      case OR, XOR -> Optional.empty();
    };
  }

  private static boolean small(Range r) {
    return r.high < 1 << 20;
  }

  /** With a mask of the lowest bits: exact where the range does not cross a multiple of it. */
  private static Optional<Range> and(Range a, long mask) {
    if (a.low < 0 || Long.bitCount(mask + 1) != 1) {
      return Optional.empty();
    }
    return (a.low & ~mask) == (a.high & ~mask)
        ? made(a.low & mask, a.high & mask, false)
        : made(0, mask, false);
  }

  /** Whether the comparison holds, where that is known. */
  static Optional<Boolean> compare(CompareOp op, Range a, Range b) {
    if (a.shared != b.shared) {
      return Optional.empty();
    }
    return switch (op) {
      case LT -> less(a, b);
      case GE -> less(a, b).map(x -> !x);
      case GT -> less(b, a);
      case LE -> less(b, a).map(x -> !x);
      case EQ -> equal(a, b);
      case NE -> equal(a, b).map(x -> !x);
    };
  }

  private static Optional<Boolean> less(Range a, Range b) {
    return a.high < b.low
        ? Optional.of(true)
        : a.low >= b.high ? Optional.of(false) : Optional.empty();
  }

  private static Optional<Boolean> equal(Range a, Range b) {
    return a.high < b.low || b.high < a.low
        ? Optional.of(false)
        : a.single() && b.single() ? Optional.of(true) : Optional.empty();
  }
}
