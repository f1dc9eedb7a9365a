package dev.attune.ptx.select;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.attune.compiler.spec.UnaryOp;
import dev.attune.ptx.Operand;
import dev.attune.ptx.Operand.FloatConst;
import dev.attune.ptx.PtxPrinter;
import dev.attune.ptx.Reg;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.function.BiFunction;
import org.junit.jupiter.api.Test;

/** The forms of tanh on the emulator, from the smallest floats to the largest. */
class TanhTest {
  private static final int COUNT = 1 << 16;

  /** Code for a function, applied to {@link #COUNT} floats of every magnitude and both signs. */
  private static float[][] run(BiFunction<FloatCode, Operand, Operand> function) {
    Emitter emit = new Emitter();
    Reg x = emit.fresh(Reg.Kind.F32);
    Operand y = emit.reg(function.apply(new FloatCode(emit), x), Reg.Kind.F32);
    ByteBuffer in = ByteBuffer.allocate(4 * COUNT).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < COUNT; i++) {
      int size = (int) ((i / 2) * 0x7F80_0000L / (COUNT / 2));
      in.putInt(4 * i, size | i << 31);
    }
    String load = "ld.global.f32 %s, [%%a0];\n".formatted(x.text());
    String store = "st.global.f32 [%%a1], %s;\n".formatted(y.text());
    ByteBuffer out = new Fragment(emit, load, store, 4).ofThreads(in, COUNT);
    float[][] pairs = new float[COUNT][];
    for (int i = 0; i < COUNT; i++) {
      pairs[i] = new float[] {in.getFloat(4 * i), out.getFloat(4 * i)};
    }
    return pairs;
  }

  /** The largest error for arguments of a magnitude. */
  private static double error(
      float[][] pairs, double factor, double from, double to, boolean relative) {
    double worst = 0;
    for (float[] pair : pairs) {
      double x = pair[0] * factor;
      double tanh = Math.tanh(x);
      if (Math.abs(x) >= from && Math.abs(x) < to) {
        worst = Math.max(worst, Math.abs(pair[1] - tanh) / (relative ? Math.abs(tanh) : 1));
      }
    }
    return worst;
  }

  @Test
  void tanhIsAccurateEverywhere() {
    float[][] tanh = run((code, x) -> code.unary(UnaryOp.TANH, x));
    assertTrue(error(tanh, 1, 0x1p-120, Double.MAX_VALUE, true) <= 0x1p-20);
  }

  @Test
  void aFactorIsPartOfTheArgument() {
    double factor = (float) (1 / 30.0);
    FloatConst constant = new FloatConst((float) factor);
    float[][] near = run((code, x) -> code.tanhNear(constant).apply(x));
    float[][] far = run((code, x) -> code.tanhFar(constant).apply(x));
    assertTrue(error(near, factor, 0x1p-120, FloatCode.TANH_NEAR, true) <= 0x1p-20);
    assertTrue(error(near, factor, 0.5, 1, true) > 0x1p-16);
    assertTrue(error(far, factor, 0, Double.MAX_VALUE, false) <= 0x1p-22);
  }

  @Test
  void theFastFormIsOneInstruction() {
    Emitter emit = new Emitter();
    Reg x = emit.fresh(Reg.Kind.F32);
    new FloatCode(emit).unary(UnaryOp.FAST_TANH, x);
    assertEquals(
        List.of("tanh.approx.f32 %f1, %f0"), emit.code().stream().map(PtxPrinter::print).toList());
    float[][] tanh = run((code, y) -> code.unary(UnaryOp.FAST_TANH, y));
    assertTrue(error(tanh, 1, 0x1p-120, Double.MAX_VALUE, true) <= 0x1p-11);
  }
}
