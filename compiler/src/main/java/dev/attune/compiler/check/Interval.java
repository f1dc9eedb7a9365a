package dev.attune.compiler.check;

/**
 * A closed range of numbers; the ends may be infinite.
 *
 * @param exact whether no value can be NaN
 */
record Interval(double low, double high, boolean exact) {
  /** Any float, or NaN. */
  static final Interval ANY =
      new Interval(Double.NEGATIVE_INFINITY, Double.POSITIVE_INFINITY, false);

  static Interval of(double low, double high) {
    return new Interval(low, high, true);
  }

  static Interval point(double value) {
    return new Interval(value, value, !Double.isNaN(value));
  }

  Interval plus(Interval o) {
    return make(low + o.low, high + o.high, o);
  }

  Interval minus(Interval o) {
    return plus(o.negated());
  }

  Interval negated() {
    return new Interval(-high, -low, exact);
  }

  Interval times(Interval o) {
    double a = product(low, o.low);
    double b = product(low, o.high);
    double c = product(high, o.low);
    double d = product(high, o.high);
    return make(
        Math.min(Math.min(a, b), Math.min(c, d)), Math.max(Math.max(a, b), Math.max(c, d)), o);
  }

  Interval times(double factor) {
    return times(point(factor));
  }

  Interval min(Interval o) {
    return make(Math.min(low, o.low), Math.min(high, o.high), o);
  }

  Interval max(Interval o) {
    return make(Math.max(low, o.low), Math.max(high, o.high), o);
  }

  Interval hull(Interval o) {
    return make(Math.min(low, o.low), Math.max(high, o.high), o);
  }

  Interval absolute() {
    if (low >= 0) {
      return this;
    }
    double far = Math.max(-low, high);
    return new Interval(high <= 0 ? -high : 0, far, exact);
  }

  /** The larger magnitude of the two ends. */
  double magnitude() {
    return Math.max(Math.abs(low), Math.abs(high));
  }

  private Interval make(double newLow, double newHigh, Interval o) {
    if (Double.isNaN(newLow) || Double.isNaN(newHigh)) {
      return ANY;
    }
    return new Interval(newLow, newHigh, exact && o.exact);
  }

  private static double product(double a, double b) {
    return a == 0 || b == 0 ? 0 : a * b;
  }
}
