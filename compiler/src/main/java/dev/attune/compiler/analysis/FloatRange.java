package dev.attune.compiler.analysis;

import dev.attune.compiler.spec.BinaryOp;
import dev.attune.compiler.spec.CompareOp;
import dev.attune.compiler.spec.UnaryOp;

/**
 * The floats from {@code lo} to {@code hi}, which may be infinite, and perhaps NaN. Every computed
 * range is widened by far more than a binary32 kernel rounds, so that it holds there too.
 */
public record FloatRange(double lo, double hi, boolean nan) {
  private static final double INF = Double.POSITIVE_INFINITY;
  private static final double RELATIVE = 0x1p-18;
  private static final double ABSOLUTE = 0x1p-100;

  /** Every float and NaN. */
  public static final FloatRange ALL = new FloatRange(-INF, INF, true);

  public FloatRange {
    if (!(lo <= hi)) {
      throw new IllegalArgumentException("a range from " + lo + " to " + hi);
    }
  }

  /** One value. */
  public static FloatRange of(double value) {
    return Double.isNaN(value) ? ALL : new FloatRange(value, value, false);
  }

  /** The smallest range that contains both. */
  public FloatRange join(FloatRange o) {
    return new FloatRange(Math.min(lo, o.lo), Math.max(hi, o.hi), nan || o.nan);
  }

  /** {@code float(i)} for the integers of an interval. */
  static FloatRange of(Interval i) {
    double lo = i.lo() == Interval.MINUS_INFINITY ? -INF : i.lo();
    double hi = i.hi() == Interval.PLUS_INFINITY ? INF : i.hi();
    boolean exact = Math.max(Math.abs(lo), Math.abs(hi)) <= 1 << 24;
    return exact ? new FloatRange(lo, hi, false) : widened(lo, hi, false);
  }

  /** {@code int(x)}. */
  Interval truncated() {
    Interval range = new Interval((int) lo, (int) hi);
    return nan ? range.join(Interval.of(0)) : range;
  }

  FloatRange unary(UnaryOp op) {
    return switch (op) {
      case NEG -> new FloatRange(-hi, -lo, nan);
      case ABS ->
          new FloatRange(lo > 0 ? lo : hi < 0 ? -hi : 0, Math.max(Math.abs(lo), Math.abs(hi)), nan);
      case EXP, EXP2 -> new FloatRange(0, INF, nan);
      case SQRT -> widened(Math.sqrt(Math.max(0, lo)), Math.sqrt(Math.max(0, hi)), nan || lo < 0);
      case RSQRT -> new FloatRange(0, INF, nan || lo < 0);
      case LOG, LOG2 -> new FloatRange(-INF, INF, nan || lo < 0);
      case TANH, FAST_TANH, ERF -> widened(-1, 1, nan);
      case SIN, COS -> widened(-1, 1, nan || lo == -INF || hi == INF);
      case NOT, BIT_NOT, TO_FLOAT, TO_INT -> ALL;
    };
  }

  FloatRange binary(BinaryOp op, FloatRange o) {
    boolean any = nan || o.nan;
    return switch (op) {
      case ADD -> {
        boolean opposite = (hi == INF && o.lo == -INF) || (lo == -INF && o.hi == INF);
        yield opposite
            ? ALL
            : widened(
                lo == -INF || o.lo == -INF ? -INF : lo + o.lo,
                hi == INF || o.hi == INF ? INF : hi + o.hi,
                any);
      }
      case SUB -> binary(BinaryOp.ADD, o.unary(UnaryOp.NEG));
      case MUL -> product(lo * o.lo, lo * o.hi, hi * o.lo, hi * o.hi, any);
      case DIV ->
          o.lo <= 0 && o.hi >= 0 ? ALL : product(lo / o.lo, lo / o.hi, hi / o.lo, hi / o.hi, any);
      // With one NaN the result is the other operand, with two it is NaN.
      case MIN -> {
        FloatRange r = new FloatRange(Math.min(lo, o.lo), Math.min(hi, o.hi), nan && o.nan);
        yield any ? r.join(this).join(o) : r;
      }
      case MAX -> {
        FloatRange r = new FloatRange(Math.max(lo, o.lo), Math.max(hi, o.hi), nan && o.nan);
        yield any ? r.join(this).join(o) : r;
      }
      default -> ALL;
    };
  }

  private static FloatRange product(double a, double b, double c, double d, boolean nan) {
    double lo = Math.min(Math.min(a, b), Math.min(c, d));
    double hi = Math.max(Math.max(a, b), Math.max(c, d));
    return Double.isNaN(lo) ? ALL : widened(lo, hi, nan);
  }

  Truth compare(CompareOp op, FloatRange o) {
    boolean any = nan || o.nan;
    return switch (op) {
      case LT -> truth(hi < o.lo, lo >= o.hi, any);
      case LE -> truth(hi <= o.lo, lo > o.hi, any);
      case GT -> truth(lo > o.hi, hi <= o.lo, any);
      case GE -> truth(lo >= o.hi, hi < o.lo, any);
      case EQ -> truth(lo == o.hi && hi == o.lo, hi < o.lo || lo > o.hi, any);
      case NE -> compare(CompareOp.EQ, o).not();
    };
  }

  private static Truth truth(boolean always, boolean never, boolean nan) {
    return never ? Truth.NEVER : always && !nan ? Truth.ALWAYS : Truth.MAYBE;
  }

  private static FloatRange widened(double lo, double hi, boolean nan) {
    return new FloatRange(
        lo - Math.abs(lo) * RELATIVE - ABSOLUTE, hi + Math.abs(hi) * RELATIVE + ABSOLUTE, nan);
  }
}
