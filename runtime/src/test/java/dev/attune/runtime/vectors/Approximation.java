package dev.attune.runtime.vectors;

import dev.attune.ptx.Inst.FloatUnary;
import java.util.List;
import java.util.function.DoubleUnaryOperator;

/**
 * A function that the hardware approximates, with the error that the PTX ISA states for it: at most
 * {@code relative·|f(x)| + absolute} within the domain.
 *
 * @param mnemonic of the instruction
 * @param function in binary64
 * @param domain the largest |x| for which an error is stated
 * @param low from here to {@code high} lie the arguments that kernels have
 */
record Approximation(
    String mnemonic,
    DoubleUnaryOperator function,
    double relative,
    double absolute,
    double domain,
    double low,
    double high) {
  private static final double ALL = Float.POSITIVE_INFINITY;
  private static final double TURN = 2 * Math.PI;

  static final List<Approximation> KNOWN =
      List.of(
          new Approximation("ex2.approx.ftz.f32", x -> Math.pow(2, x), 0x1p-22, 0, ALL, -150, 130),
          new Approximation(
              "lg2.approx.f32", x -> Math.log(x) / Math.log(2), 0x1p-22, 0x1p-22, ALL, 0.25, 8192),
          new Approximation("rcp.approx.ftz.f32", x -> 1 / x, 0x1p-23, 0, ALL, 0.5, 8192),
          new Approximation(
              "rsqrt.approx.f32", x -> 1 / Math.sqrt(x), 0x1.13p-23, 0, ALL, 0.5, 8192),
          new Approximation("sin.approx.f32", Math::sin, 0, 0x1.6bp-21, TURN, -3.2, 3.2),
          // 0x1.6bp-21 is stated; between 4.5 and 5 an H200 errs by up to 0x1.7cep-21.
          new Approximation("cos.approx.f32", Math::cos, 0, 0x1.8p-21, TURN, -3.2, 3.2),
          new Approximation("tanh.approx.f32", Math::tanh, 0x1p-11, 0, ALL, -10, 10));

  /** Whether an operation is approximate. */
  static boolean applies(FloatUnary op) {
    return op.ptx().contains(".approx");
  }

  /**
   * The approximation of an operation.
   *
   * @throws IllegalArgumentException if no error is stated for it here
   */
  static Approximation of(FloatUnary op) {
    return KNOWN.stream()
        .filter(a -> a.mnemonic().equals(op.ptx()))
        .findFirst()
        .orElseThrow(() -> new IllegalArgumentException("no error is stated for " + op.ptx()));
  }

  /** Whether subnormal arguments and results count as zero. */
  boolean flushes() {
    return mnemonic.contains(".ftz");
  }

  /** Whether an error is stated at an argument; where the function has none, the result is NaN. */
  boolean covers(float x) {
    return !Float.isFinite(x) || Math.abs(x) <= domain;
  }

  /** The exact value at an argument. */
  double at(float x) {
    return function.applyAsDouble(
        flushes() && Math.abs(x) < Float.MIN_NORMAL ? Math.copySign(0.0, x) : x);
  }

  /** How far a result is from the exact value; none where it is flushed. */
  double error(double exact, float found) {
    boolean flushed = flushes() && found == 0 && Math.abs(exact) < Float.MIN_NORMAL;
    return flushed ? 0 : Math.abs(found - exact);
  }

  /**
   * How closely a correctly rounded result must agree with the hardware's: its own rounding comes
   * on top, and what is flushed may lie on either side of the least normal number.
   */
  Agreement agreement() {
    return new Agreement(
        relative + 0x1p-24, absolute + (flushes() ? Float.MIN_NORMAL : Float.MIN_VALUE));
  }
}
