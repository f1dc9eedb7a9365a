package dev.attune.runtime.vectors;

import dev.attune.compiler.spec.Dtype;
import dev.attune.ptx.Inst;
import dev.attune.ptx.Inst.Conversion;
import dev.attune.ptx.Inst.FloatOp;
import dev.attune.ptx.Inst.FloatUnary;
import dev.attune.ptx.Reg;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Binary32 functions, arithmetic and conversions. */
final class FunctionCases {
  private static final int THREADS = 128;
  private static final int APPROXIMATE = 4096;
  private static final int EXACT = 1024;

  private FunctionCases() {}

  static List<GoldenCase> all() {
    List<GoldenCase> all = new ArrayList<>();
    for (FloatUnary op : FloatUnary.values()) {
      all.add(Approximation.applies(op) ? approximate(op) : exact(op));
    }
    for (FloatOp op : FloatOp.values()) {
      all.add(binary(op));
    }
    all.add(fma());
    for (Dtype dtype : Dtype.values()) {
      all.add(pack(dtype));
    }
    for (Conversion conversion : Conversion.values()) {
      all.add(convert(conversion));
    }
    return all;
  }

  /** The name of a case: dots separate its parts. */
  private static String name(String ptx) {
    return "float." + ptx.replace('.', '_');
  }

  private static GoldenCase approximate(FloatUnary op) {
    Approximation approximation = Approximation.of(op);
    String name = name(op.ptx());
    int[] x = new Values(name).arguments(approximation.low(), approximation.high(), APPROXIMATE);
    int[] covered =
        Arrays.stream(x)
            .map(word -> approximation.covers(Float.intBitsToFloat(word)) ? word : 0)
            .toArray();
    return unary(name, op, covered, approximation.agreement());
  }

  private static GoldenCase exact(FloatUnary op) {
    String name = name(op.ptx());
    int[] x = new Values(name).arguments(0, 100, EXACT);
    // What sign and absolute value of a NaN are is nowhere said.
    boolean signs = op == FloatUnary.NEG || op == FloatUnary.ABS;
    int[] taken =
        Arrays.stream(x)
            .map(word -> signs && Float.isNaN(Float.intBitsToFloat(word)) ? 0 : word)
            .toArray();
    return unary(name, op, taken, Agreement.BITS);
  }

  private static GoldenCase unary(String name, FloatUnary op, int[] x, Agreement agreement) {
    KernelCode code = new KernelCode(THREADS);
    for (int i = 0; i < x.length; i += THREADS) {
      Reg result = code.emit().fresh(Reg.Kind.F32);
      code.add(new Inst.FloatUn(op, result, code.next(Reg.Kind.F32)));
      code.store(result);
    }
    return code.golden(name, Values.bytes(x), agreement);
  }

  private static GoldenCase binary(FloatOp op) {
    String name = name(op.ptx());
    Values values = new Values(name);
    KernelCode code = new KernelCode(THREADS);
    for (int i = 0; i < EXACT; i += THREADS) {
      List<Reg> x = code.next(Reg.Kind.F32, 2);
      Reg result = code.emit().fresh(Reg.Kind.F32);
      code.add(new Inst.FloatArith(op, result, x.get(0), x.get(1)));
      code.store(result);
    }
    byte[] input = Values.interleaved(THREADS, values.corners(EXACT), values.corners(EXACT));
    return code.golden(name, input, Agreement.BITS);
  }

  private static GoldenCase fma() {
    String name = name("fma.rn.f32");
    Values values = new Values(name);
    KernelCode code = new KernelCode(THREADS);
    for (int i = 0; i < EXACT; i += THREADS) {
      List<Reg> x = code.next(Reg.Kind.F32, 3);
      Reg result = code.emit().fresh(Reg.Kind.F32);
      code.add(new Inst.Fma(result, x.get(0), x.get(1), x.get(2)));
      code.store(result);
    }
    int[] a = values.corners(EXACT);
    byte[] input = Values.interleaved(THREADS, a, values.corners(EXACT), values.corners(EXACT));
    return code.golden(name, input, Agreement.BITS);
  }

  private static GoldenCase pack(Dtype dtype) {
    String name = "pack." + dtype.keyword();
    Values values = new Values(name);
    KernelCode code = new KernelCode(THREADS);
    for (int i = 0; i < EXACT; i += THREADS) {
      List<Reg> x = code.next(Reg.Kind.F32, 2);
      Reg result = code.emit().fresh(Reg.Kind.B32);
      code.add(new Inst.Pack(dtype, result, x.get(0), x.get(1)));
      code.store(result);
    }
    int[] high = values.arguments(-70_000, 70_000, EXACT);
    int[] low = values.arguments(-0x1p-14, 0x1p-14, EXACT);
    return code.golden(name, Values.interleaved(THREADS, high, low), Agreement.BITS);
  }

  private static GoldenCase convert(Conversion conversion) {
    String name = "convert." + conversion.ptx().replace('.', '_');
    Values values = new Values(name);
    KernelCode code = new KernelCode(THREADS);
    boolean wide = conversion.from() == Reg.Kind.B64;
    for (int i = 0; i < EXACT; i += THREADS) {
      Reg result = code.emit().fresh(conversion.to());
      code.add(new Inst.Convert(conversion, result, operand(code, conversion.from())));
      if (conversion.to() == Reg.Kind.B64) {
        for (Reg half : List.of(result, code.high(result, 32))) {
          code.store(code.emit().convert(Conversion.S32_FROM_S64, half));
        }
      } else {
        code.store(result);
      }
    }
    int[] low = conversion.from() == Reg.Kind.F32 ? values.corners(EXACT) : integers(values);
    int[] high = Arrays.stream(values.words(EXACT)).map(w -> w >> (w & 31)).toArray();
    byte[] input = wide ? Values.interleaved(THREADS, low, high) : Values.interleaved(THREADS, low);
    return code.golden(name, input, Agreement.BITS);
  }

  /** Integers of all magnitudes. */
  private static int[] integers(Values values) {
    return Arrays.stream(values.words(EXACT)).map(w -> w >> (w & 31)).toArray();
  }

  private static Reg operand(KernelCode code, Reg.Kind kind) {
    if (kind != Reg.Kind.B64) {
      return code.next(kind);
    }
    List<Reg> halves = code.next(Reg.Kind.B32, 2);
    Reg joined = code.emit().fresh(Reg.Kind.B64);
    code.add(new Inst.Join(joined, halves.get(0), halves.get(1)));
    return joined;
  }
}
