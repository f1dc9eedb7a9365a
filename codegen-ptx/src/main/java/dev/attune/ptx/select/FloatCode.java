package dev.attune.ptx.select;

import dev.attune.compiler.spec.CompareOp;
import dev.attune.compiler.spec.UnaryOp;
import dev.attune.ptx.Inst.Conversion;
import dev.attune.ptx.Inst.FloatOp;
import dev.attune.ptx.Inst.FloatUnary;
import dev.attune.ptx.Inst.PredOp;
import dev.attune.ptx.Inst.Ty;
import dev.attune.ptx.Operand;
import dev.attune.ptx.Operand.FloatConst;
import dev.attune.ptx.Reg;
import java.util.function.UnaryOperator;

/** Elementary functions from the hardware's approximations. Errors are stated for each. */
@SuppressWarnings("FloatingPointLiteralPrecision") // Constants as they are published.
final class FloatCode {
  private static final float LOG2E = (float) 1.4426950408889634;
  private static final float LN2 = (float) 0.6931471805599453;

  /** Up to this a polynomial of degree 5 has a relative error below 2⁻²⁰. */
  static final float TANH_NEAR = 0.25f;

  /**
   * Coefficients of x, x³ and x⁵ with the least relative error of tanh up to {@link #TANH_NEAR}
   * (Remez).
   */
  private static final double[] TANH = {
    0.9999996043448027, -0.33321908226019176, 0.12841613431361176
  };

  /**
   * With t = x · TANH_SCALE the polynomial is t·((t² + TANH_INNER)² + TANH_OUTER): three
   * instructions.
   */
  static final float TANH_SCALE = (float) StrictMath.pow(TANH[2], 0.2);

  /** The sum of the inner square. */
  static final float TANH_INNER = (float) (square(TANH_SCALE) * TANH[1] / (2 * TANH[2]));

  /** What is added to the square. */
  static final float TANH_OUTER =
      (float) (square(square(TANH_SCALE)) * (TANH[0] / TANH[2] - square(TANH[1] / (2 * TANH[2]))));

  /** Of an argument x, exp(2x) is exp2(x · TANH_FAR). */
  static final float TANH_FAR = 2 * LOG2E;

  private final Emitter emit;

  FloatCode(Emitter emit) {
    this.emit = emit;
  }

  Operand unary(UnaryOp op, Operand x) {
    return switch (op) {
      case NEG -> emit.floatUnary(FloatUnary.NEG, x);
      case ABS -> emit.floatUnary(FloatUnary.ABS, x);
      case EXP -> exp(x);
      case EXP2 -> emit.floatUnary(FloatUnary.EX2, x);
      case LOG -> mul(emit.floatUnary(FloatUnary.LG2, x), LN2);
      case LOG2 -> emit.floatUnary(FloatUnary.LG2, x);
      case SQRT -> emit.floatUnary(FloatUnary.SQRT, x);
      case RSQRT -> emit.floatUnary(FloatUnary.RSQRT, x);
      case TANH -> tanh(x);
      case FAST_TANH -> emit.floatUnary(FloatUnary.TANH, x);
      case ERF -> erf(x);
      case SIN -> emit.floatUnary(FloatUnary.SIN, reduced(x));
      case COS -> emit.floatUnary(FloatUnary.COS, reduced(x));
      case NOT, BIT_NOT, TO_FLOAT, TO_INT ->
          throw new IllegalArgumentException(op + " is not float to float");
    };
  }

  /** exp2(x·log₂e): a relative error of about |x|·2⁻²⁴. */
  private Operand exp(Operand x) {
    return emit.floatUnary(FloatUnary.EX2, mul(x, LOG2E));
  }

  /**
   * {@link #tanhFar}, and below {@link #TANH_NEAR}, where that cancels, {@link #tanhNear}: a
   * relative error below 2⁻²⁰, where tanh.approx has 2⁻¹¹, which would show in the LSE of every
   * soft-capped row.
   */
  private Operand tanh(Operand x) {
    Operand size = emit.floatUnary(FloatUnary.ABS, x);
    Reg small = emit.compare(CompareOp.LT, Ty.F32, size, new FloatConst(TANH_NEAR));
    FloatConst one = new FloatConst(1);
    return emit.select(Reg.Kind.F32, small, tanhNear(one).apply(x), tanhFar(one).apply(x));
  }

  /**
   * tanh(x · factor) as 1 − 2/(1 + exp2(2x · factor · log₂e)): an absolute error of about 2⁻²². The
   * factor is used here and now.
   */
  UnaryOperator<Operand> tanhFar(Operand factor) {
    Operand scale = mul(factor, TANH_FAR);
    return x -> {
      Operand e = emit.floatUnary(FloatUnary.EX2, emit.floats(FloatOp.MUL, x, scale));
      Operand half =
          emit.floatUnary(FloatUnary.RCP_APPROX, emit.floats(FloatOp.ADD, e, new FloatConst(1)));
      return emit.fma(half, new FloatConst(-2), new FloatConst(1));
    };
  }

  /**
   * tanh(x · factor) as a polynomial, for arguments between ±{@link #TANH_NEAR}. The factor is used
   * here and now.
   */
  UnaryOperator<Operand> tanhNear(Operand factor) {
    Operand scale = mul(factor, TANH_SCALE);
    return x -> {
      Operand t = emit.floats(FloatOp.MUL, x, scale);
      Operand inner = emit.fma(t, t, new FloatConst(TANH_INNER));
      return emit.floats(FloatOp.MUL, t, emit.fma(inner, inner, new FloatConst(TANH_OUTER)));
    };
  }

  private static double square(double x) {
    return x * x;
  }

  /** Abramowitz and Stegun 7.1.26: an absolute error below 2·10⁻⁷. */
  private Operand erf(Operand x) {
    Operand a = emit.floatUnary(FloatUnary.ABS, x);
    Operand t =
        emit.floatUnary(
            FloatUnary.RCP_APPROX, emit.fma(a, new FloatConst(0.3275911f), new FloatConst(1)));
    Operand p = new FloatConst((float) 1.061405429);
    for (double c : new double[] {-1.453152027, 1.421413741, -0.284496736, 0.254829592}) {
      p = emit.fma(p, t, new FloatConst((float) c));
    }
    Operand square = emit.floats(FloatOp.MUL, a, a);
    Operand e = exp(emit.floatUnary(FloatUnary.NEG, square));
    Operand tail = emit.floats(FloatOp.MUL, emit.floats(FloatOp.MUL, p, t), e);
    Operand y = emit.floats(FloatOp.SUB, new FloatConst(1), tail);
    Reg negative = emit.compare(CompareOp.LT, Ty.F32, x, new FloatConst(0));
    return emit.select(Reg.Kind.F32, negative, emit.floatUnary(FloatUnary.NEG, y), y);
  }

  /**
   * x − 2π·round(x/2π) with 2π in three parts (Cody and Waite): sin.approx is exact only near 0.
   */
  private Operand reduced(Operand x) {
    Operand turns = emit.convert(Conversion.ROUND_F32, mul(x, (float) (1 / (2 * Math.PI))));
    Operand r = x;
    double rest = 2 * Math.PI;
    for (int part = 0; part < 3; part++) {
      float high =
          part == 2
              ? (float) rest
              : Float.intBitsToFloat(Float.floatToIntBits((float) rest) & 0xFFFFF000);
      r = emit.fma(turns, new FloatConst(-high), r);
      rest -= high;
    }
    return r;
  }

  /** |a|^b from exp2(b·log₂|a|), with the sign and the special cases of IEEE 754 pow. */
  Operand pow(Operand a, Operand b) {
    if (b instanceof FloatConst(float n) && n == 2) {
      return emit.floats(FloatOp.MUL, a, a);
    }
    if (b instanceof FloatConst(float n) && n == 3) {
      return emit.floats(FloatOp.MUL, emit.floats(FloatOp.MUL, a, a), a);
    }
    Operand magnitude =
        emit.floatUnary(
            FloatUnary.EX2,
            emit.floats(
                FloatOp.MUL,
                b,
                emit.floatUnary(FloatUnary.LG2, emit.floatUnary(FloatUnary.ABS, a))));
    Reg negative = emit.compare(CompareOp.LT, Ty.F32, a, new FloatConst(0));
    Reg fractional = emit.compare(CompareOp.NE, Ty.F32, b, emit.convert(Conversion.ROUND_F32, b));
    Operand half = mul(b, 0.5f);
    Reg odd = emit.compare(CompareOp.NE, Ty.F32, half, emit.convert(Conversion.ROUND_F32, half));
    Operand signed =
        emit.select(
            Reg.Kind.F32,
            emit.logic(PredOp.AND, negative, odd),
            emit.floatUnary(FloatUnary.NEG, magnitude),
            magnitude);
    Operand real =
        emit.select(
            Reg.Kind.F32,
            emit.logic(PredOp.AND, negative, fractional),
            new FloatConst(Float.NaN),
            signed);
    Reg zero = emit.compare(CompareOp.EQ, Ty.F32, b, new FloatConst(0));
    return emit.select(Reg.Kind.F32, zero, new FloatConst(1), real);
  }

  private Operand mul(Operand x, float constant) {
    return emit.floats(FloatOp.MUL, x, new FloatConst(constant));
  }
}
