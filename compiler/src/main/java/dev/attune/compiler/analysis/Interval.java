package dev.attune.compiler.analysis;

/**
 * The integers from {@code lo} to {@code hi}. {@link Long#MIN_VALUE} as lower and {@link
 * Long#MAX_VALUE} as upper end mean no bound; arithmetic saturates outward, so a result always
 * contains every value that the operation can have.
 */
public record Interval(long lo, long hi) {
  /** No lower bound. */
  public static final long MINUS_INFINITY = Long.MIN_VALUE;

  /** No upper bound. */
  public static final long PLUS_INFINITY = Long.MAX_VALUE;

  /** Every integer. */
  public static final Interval ALL = new Interval(MINUS_INFINITY, PLUS_INFINITY);

  public Interval {
    if (lo > hi) {
      throw new IllegalArgumentException("an interval from " + lo + " to " + hi);
    }
  }

  /** One value. */
  public static Interval of(long value) {
    return new Interval(low(value), high(value));
  }

  /** Whether the value may occur. */
  public boolean contains(long value) {
    return lo <= value && value <= hi;
  }

  /** Whether every value lies in the other interval. */
  public boolean within(Interval other) {
    return other.lo <= lo && hi <= other.hi;
  }

  /** Whether there is exactly one value. */
  public boolean isSingle() {
    return lo == hi;
  }

  /** The smallest interval that contains both. */
  public Interval join(Interval o) {
    return new Interval(Math.min(lo, o.lo), Math.max(hi, o.hi));
  }

  /** What both contain; this interval where that is nothing. */
  Interval refine(Interval o) {
    long from = Math.max(lo, o.lo);
    long to = Math.min(hi, o.hi);
    return from <= to ? new Interval(from, to) : this;
  }

  /** {@code x + y}. */
  public Interval add(Interval o) {
    return new Interval(low(plus(lo, o.lo)), high(plus(hi, o.hi)));
  }

  /** {@code −x}. */
  public Interval negate() {
    return new Interval(low(minus(hi)), high(minus(lo)));
  }

  /** {@code x − y}. */
  public Interval sub(Interval o) {
    return add(o.negate());
  }

  /** {@code x · y}. */
  public Interval mul(Interval o) {
    long a = times(lo, o.lo);
    long b = times(lo, o.hi);
    long c = times(hi, o.lo);
    long d = times(hi, o.hi);
    return new Interval(
        low(Math.min(Math.min(a, b), Math.min(c, d))),
        high(Math.max(Math.max(a, b), Math.max(c, d))));
  }

  /** {@code x // y}, with 0 where y is 0. */
  public Interval floorDiv(Interval o) {
    Interval result = o.contains(0) ? of(0) : null;
    if (o.hi > 0) {
      Interval r = divPositive(Math.max(1, o.lo), o.hi);
      result = result == null ? r : result.join(r);
    }
    if (o.lo < 0) {
      Interval r = negate().divPositive(Math.max(1, minus(o.hi)), minus(o.lo));
      result = result == null ? r : result.join(r);
    }
    return result == null ? ALL : result;
  }

  private Interval divPositive(long from, long to) {
    return new Interval(
        low(lo == MINUS_INFINITY ? lo : Math.floorDiv(lo, lo < 0 ? from : to)),
        high(hi == PLUS_INFINITY ? hi : Math.floorDiv(hi, hi < 0 ? to : from)));
  }

  /** {@code x % y} with the sign of y, 0 where y is 0. */
  public Interval floorMod(Interval o) {
    if (o.isSingle() && o.lo != 0 && o.lo != MINUS_INFINITY && o.lo != PLUS_INFINITY) {
      boolean finite = lo != MINUS_INFINITY && hi != PLUS_INFINITY;
      if (finite && Math.floorDiv(lo, o.lo) == Math.floorDiv(hi, o.lo)) {
        return new Interval(Math.floorMod(lo, o.lo), Math.floorMod(hi, o.lo));
      }
    }
    long upper = o.hi > 0 ? o.hi == PLUS_INFINITY ? PLUS_INFINITY : o.hi - 1 : 0;
    long lower = o.lo < 0 ? o.lo == MINUS_INFINITY ? MINUS_INFINITY : o.lo + 1 : 0;
    if (o.lo > 0 && lo >= 0) {
      upper = Math.min(upper, hi);
      lower = hi < o.lo ? lo : 0; // Below every divisor the remainder is the number.
    }
    return new Interval(lower, upper);
  }

  /** {@code min(x, y)}. */
  public Interval min(Interval o) {
    return new Interval(Math.min(lo, o.lo), Math.min(hi, o.hi));
  }

  /** {@code max(x, y)}. */
  public Interval max(Interval o) {
    return new Interval(Math.max(lo, o.lo), Math.max(hi, o.hi));
  }

  /** {@code |x|}. */
  public Interval abs() {
    return lo >= 0 ? this : hi <= 0 ? negate() : new Interval(0, negate().join(this).hi);
  }

  /** {@code ~x}. */
  public Interval bitNot() {
    return negate().sub(of(1));
  }

  /** {@code x & y}. */
  public Interval bitAnd(Interval o) {
    if (isSingle() && o.isSingle()) {
      return of(lo & o.lo);
    }
    if (lo >= 0 && o.lo >= 0) {
      return new Interval(0, Math.min(hi, o.hi));
    }
    return lo >= 0 ? new Interval(0, hi) : o.lo >= 0 ? new Interval(0, o.hi) : bits(o);
  }

  /** {@code x | y}. */
  public Interval bitOr(Interval o) {
    if (isSingle() && o.isSingle()) {
      return of(lo | o.lo);
    }
    return lo >= 0 && o.lo >= 0 ? new Interval(Math.max(lo, o.lo), bits(o).hi) : bits(o);
  }

  /** {@code x ^ y}. */
  public Interval bitXor(Interval o) {
    if (isSingle() && o.isSingle()) {
      return of(lo ^ o.lo);
    }
    return lo >= 0 && o.lo >= 0 ? new Interval(0, bits(o).hi) : bits(o);
  }

  /** The numbers of no more bits than the operands have. */
  private Interval bits(Interval o) {
    long widest = Math.max(Math.max(hi, ~lo), Math.max(o.hi, ~o.lo));
    long ones = widest <= 0 ? 0 : -1L >>> Long.numberOfLeadingZeros(widest);
    return new Interval(low(~ones), high(ones));
  }

  /** {@code x << n}, n clamped to [0, 63]; no bound where a value leaves 64 bits. */
  public Interval shl(Interval n) {
    long most = Math.clamp(n.hi, 0, 63);
    if (most > 61) {
      return lo >= 0 && hi == 0 ? this : ALL;
    }
    Interval factor = new Interval(1L << Math.clamp(n.lo, 0, 63), 1L << most);
    Interval product = mul(factor);
    boolean wraps = product.lo <= Long.MIN_VALUE + 1 || product.hi >= Long.MAX_VALUE - 1;
    return wraps ? ALL : product;
  }

  /** {@code x >> n}, n clamped to [0, 63]. */
  public Interval shr(Interval n) {
    int least = Math.clamp(n.lo, 0, 63);
    int most = Math.clamp(n.hi, 0, 63);
    return new Interval(
        low(lo == MINUS_INFINITY ? lo : lo >> (lo < 0 ? least : most)),
        high(hi == PLUS_INFINITY ? hi : hi >> (hi < 0 ? most : least)));
  }

  // A lower end must not read as plus infinity, nor an upper end as minus infinity.
  private static long low(long x) {
    return Math.min(x, PLUS_INFINITY - 1);
  }

  private static long high(long x) {
    return Math.max(x, MINUS_INFINITY + 1);
  }

  private static long plus(long a, long b) {
    if (a == MINUS_INFINITY || b == MINUS_INFINITY) {
      return MINUS_INFINITY;
    }
    if (a == PLUS_INFINITY || b == PLUS_INFINITY) {
      return PLUS_INFINITY;
    }
    long sum = a + b;
    return ((a ^ sum) & (b ^ sum)) < 0 ? (a < 0 ? MINUS_INFINITY : PLUS_INFINITY) : sum;
  }

  private static long minus(long a) {
    return a == MINUS_INFINITY ? PLUS_INFINITY : a == PLUS_INFINITY ? MINUS_INFINITY : -a;
  }

  private static long times(long a, long b) {
    if (a == 0 || b == 0) {
      return 0;
    }
    boolean infinite =
        a == MINUS_INFINITY || a == PLUS_INFINITY || b == MINUS_INFINITY || b == PLUS_INFINITY;
    if (infinite || Math.multiplyHigh(a, b) != (a * b) >> 63) {
      return (a < 0) == (b < 0) ? PLUS_INFINITY : MINUS_INFINITY;
    }
    return a * b;
  }

  @Override
  public String toString() {
    return "["
        + (lo == MINUS_INFINITY ? "-inf" : Long.toString(lo))
        + ", "
        + (hi == PLUS_INFINITY ? "inf" : Long.toString(hi))
        + "]";
  }
}
