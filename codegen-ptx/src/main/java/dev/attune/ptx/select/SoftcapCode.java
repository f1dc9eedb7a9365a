package dev.attune.ptx.select;

import dev.attune.ptx.Inst.FloatOp;
import dev.attune.ptx.Inst.FloatUnary;
import dev.attune.ptx.Operand;
import dev.attune.ptx.Operand.FloatConst;

/**
 * {@code times · tanh(x · argument) + shift}, the exponent of a soft-capped score, with the last
 * multiplication in the multiply-add that the shift needs anyway. {@code times} is positive.
 *
 * @param argument uniform
 * @param times uniform
 */
record SoftcapCode(Emitter emit, Operand argument, Operand times) {
  private static final float LARGEST_STEP = 0x1p-10f;

  /** For any argument, as {@link FloatCode#tanhFar}. */
  RowCode.OfElement far(Operand[] shift) {
    Operand scale = mul(argument, new FloatConst(FloatCode.TANH_FAR));
    Operand twice = mul(times, new FloatConst(-2));
    return (r, x) -> {
      Operand e = emit.floatUnary(FloatUnary.EX2, mul(x, scale));
      Operand half = emit.floatUnary(FloatUnary.RCP_APPROX, add(e, new FloatConst(1)));
      return emit.fma(half, twice, add(times, shift[r]));
    };
  }

  /**
   * For small arguments, as {@link FloatCode#tanhNear}: t·((t² + a)² + b) times k⁵ is the same
   * polynomial of k·t with k²·a and k⁴·b, so the fifth root of {@code times} goes into the
   * constants.
   */
  RowCode.OfElement near(Operand[] shift) {
    Operand root = root();
    Operand square = mul(root, root);
    Operand scale = mul(mul(argument, new FloatConst(FloatCode.TANH_SCALE)), root);
    Operand inner = mul(square, new FloatConst(FloatCode.TANH_INNER));
    Operand outer = mul(mul(square, square), new FloatConst(FloatCode.TANH_OUTER));
    return (r, x) -> {
      Operand t = mul(x, scale);
      Operand sum = emit.fma(t, t, inner);
      return emit.fma(t, emit.fma(sum, sum, outer), shift[r]);
    };
  }

  /** The fifth root: from the hardware's logarithm, then a step of Newton's method. */
  private Operand root() {
    Operand log = emit.floatUnary(FloatUnary.LG2, times);
    Operand k = emit.floatUnary(FloatUnary.EX2, mul(log, new FloatConst(0.2f)));
    Operand square = mul(k, k);
    Operand inverse = emit.floatUnary(FloatUnary.RCP_APPROX, mul(mul(square, square), k));
    // k + k·(times / k⁵ − 1) / 5, where the inverse of what is hardly positive may be infinite.
    Operand off = emit.fma(times, inverse, new FloatConst(-1));
    Operand most = emit.floats(FloatOp.MIN, off, new FloatConst(LARGEST_STEP));
    Operand step = emit.floats(FloatOp.MAX, most, new FloatConst(-LARGEST_STEP));
    return emit.fma(mul(step, new FloatConst(0.2f)), k, k);
  }

  private Operand mul(Operand a, Operand b) {
    return emit.floats(FloatOp.MUL, a, b);
  }

  private Operand add(Operand a, Operand b) {
    return emit.floats(FloatOp.ADD, a, b);
  }
}
