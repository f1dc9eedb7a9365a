package dev.attune.ptx.emulate;

import java.util.ArrayList;
import java.util.List;

/**
 * Small programs with exact results. Inputs are in {@code %r1..%r4}, as floats in {@code %f1..%f4},
 * as pairs in {@code %rd5, %rd6}, their low halves in {@code %h1..%h4}; results are taken from
 * {@code %r10, %r11}.
 */
final class InstructionCases {
  private InstructionCases() {}

  /** One program with its inputs and the expected {@code %r10} and {@code %r11}. */
  record Case(String code, List<Integer> inputs, int low, int high) {}

  private static final List<Case> CASES = new ArrayList<>();

  private static final int MIN = Integer.MIN_VALUE;
  private static final int INF = 0x7F80_0000;
  private static final int NAN = 0x7FC0_0000;

  static List<Case> all() {
    synchronized (CASES) {
      if (CASES.isEmpty()) {
        integers();
        bits();
        wide();
        halves();
        floats();
        functions();
        comparisons();
        conversions();
        moves();
      }
      return List.copyOf(CASES);
    }
  }

  private static void add(String code, int low, int... inputs) {
    CASES.add(new Case(code, boxed(inputs), low, 0));
  }

  private static void add2(String code, long expected, long a, long b) {
    CASES.add(
        new Case(
            code + " mov.b64 {%r10, %r11}, %rd10;",
            boxed((int) a, (int) (a >>> 32), (int) b, (int) (b >>> 32)),
            (int) expected,
            (int) (expected >>> 32)));
  }

  private static void f(String code, float expected, float... inputs) {
    int[] words = new int[inputs.length];
    for (int i = 0; i < words.length; i++) {
      words[i] = Float.floatToRawIntBits(inputs[i]);
    }
    bitsOf(code, Float.floatToRawIntBits(expected), words);
  }

  private static void bitsOf(String code, int expected, int... inputs) {
    add(code + " mov.b32 %r10, %f10;", expected, inputs);
  }

  private static List<Integer> boxed(int... inputs) {
    List<Integer> list = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      list.add(i < inputs.length ? inputs[i] : 0);
    }
    return list;
  }

  private static void integers() {
    add("add.s32 %r10, %r1, %r2;", MIN, Integer.MAX_VALUE, 1);
    add("add.u32 %r10, %r1, 0xFFFFFFFF;", 4, 5);
    add("sub.s32 %r10, %r1, %r2;", -3, 4, 7);
    add("mul.lo.s32 %r10, %r1, %r2;", -6, 2, -3);
    add("mul.hi.s32 %r10, %r1, %r2;", -1, 2, -3);
    add("mul.hi.u32 %r10, %r1, %r2;", 1, 2, -3);
    add("mad.lo.s32 %r10, %r1, %r2, %r3;", 1, 2, -3, 7);
    add("mad.hi.u32 %r10, %r1, %r2, %r3;", 8, 2, -3, 7);
    add("div.s32 %r10, %r1, %r2;", -2, 7, -3);
    add("div.u32 %r10, %r1, %r2;", 0x7FFF_FFFF, -1, 2);
    add("rem.s32 %r10, %r1, %r2;", -1, -7, 3);
    add("rem.u32 %r10, %r1, %r2;", 0, -1, 3);
    add("min.s32 %r10, %r1, %r2;", -1, -1, 1);
    add("min.u32 %r10, %r1, %r2;", 1, -1, 1);
    add("max.s32 %r10, %r1, %r2;", 1, -1, 1);
    add("max.u32 %r10, %r1, %r2;", -1, -1, 1);
    add("neg.s32 %r10, %r1;", MIN, MIN);
    add("abs.s32 %r10, %r1;", 5, -5);
  }

  private static void bits() {
    add("and.b32 %r10, %r1, %r2;", 0x0F00, 0xFF00, 0x0FFF);
    add("or.b32 %r10, %r1, %r2;", 0xFFFF, 0xFF00, 0x0FFF);
    add("xor.b32 %r10, %r1, %r2;", 0xF0FF, 0xFF00, 0x0FFF);
    add("not.b32 %r10, %r1;", -1, 0);
    add("shl.b32 %r10, %r1, 31;", MIN, 1);
    add("shl.b32 %r10, %r1, %r2;", 0, 1, 32);
    add("shr.u32 %r10, %r1, %r2;", 0, -1, 32);
    add("shr.s32 %r10, %r1, %r2;", -1, -5, 40);
    add("shr.s32 %r10, %r1, %r2;", -3, -5, 1);
    add("shr.b32 %r10, %r1, %r2;", 0x7FFF_FFFF, -2, 1);
    add("lop3.b32 %r10, %r1, %r2, %r3, 0x96;", 0x69, 0xF0, 0xCC, 0x55);
    add("lop3.b32 %r10, %r1, %r2, %r3, 0xE8;", 0xE8, 0xF0, 0xCC, 0xAA);
    add("prmt.b32 %r10, %r1, %r2, 0x5410;", 0x6655_2211, 0x4433_2211, 0x8877_6655);
    add("prmt.b32 %r10, %r1, %r2, 0xFA73;", 0xFF00_8844, 0x4433_2211, 0x8877_6655);
    add("bfe.u32 %r10, %r1, 4, 8;", 0xCD, 0xABCDE);
    add("bfe.s32 %r10, %r1, 4, 8;", 0xFFFF_FFCD, 0xABCDE);
    add("bfe.s32 %r10, %r1, 28, 8;", -8, MIN);
    add("bfe.u32 %r10, %r1, 4, 0;", 0, -1);
    add("bfi.b32 %r10, %r1, %r2, 8, 4;", 0xFFFF_F5FF, 0xA5, -1);
    add("popc.b32 %r10, %r1;", 31, Integer.MAX_VALUE);
    add("clz.b32 %r10, %r1;", 32, 0);
    add("bfind.u32 %r10, %r1;", -1, 0);
    add("bfind.u32 %r10, %r1;", 0, 1);
    add("bfind.u32 %r10, %r1;", 17, 0x2_5000);
    add("bfind.u32 %r10, %r1;", 31, -1);
    add("brev.b32 %r10, %r1;", MIN, 1);
    add("shf.l.wrap.b32 %r10, %r1, %r2, 36;", 0x2345_6781, 0x1000_0000, 0x1234_5678);
    add("shf.r.wrap.b32 %r10, %r1, %r2, 4;", 0x8654_3211, 0x6543_2110, 8);
    add("shf.r.clamp.b32 %r10, %r1, %r2, 40;", 9, 5, 9);
    add("shf.l.clamp.b32 %r10, %r1, %r2, 40;", 5, 5, 9);
  }

  private static void wide() {
    add2("add.s64 %rd10, %rd5, %rd6;", 0x1_0000_0000L, 0xFFFF_FFFFL, 1);
    add2("sub.u64 %rd10, %rd5, %rd6;", -1, 0, 1);
    add2("mul.lo.u64 %rd10, %rd5, %rd6;", -10, 5, -2);
    add2("mul.hi.s64 %rd10, %rd5, %rd6;", -1, 5, -2);
    add2("mul.hi.u64 %rd10, %rd5, %rd6;", 4, 5, -2);
    add2("mad.lo.s64 %rd10, %rd5, %rd6, %rd5;", 20, 5, 3);
    add2("div.s64 %rd10, %rd5, %rd6;", -2, -5, 2);
    add2("div.u64 %rd10, %rd5, %rd6;", Long.MAX_VALUE, -1, 2);
    add2("rem.s64 %rd10, %rd5, %rd6;", -1, -5, 2);
    add2("rem.u64 %rd10, %rd5, %rd6;", 1, -1, 2);
    add2("min.s64 %rd10, %rd5, %rd6;", -1, -1, 1);
    add2("min.u64 %rd10, %rd5, %rd6;", 1, -1, 1);
    add2("max.s64 %rd10, %rd5, %rd6;", 1, -1, 1);
    add2("max.u64 %rd10, %rd5, %rd6;", -1, -1, 1);
    add2("neg.s64 %rd10, %rd5;", 7, -7, 0);
    add2("abs.s64 %rd10, %rd5;", 7, -7, 0);
    add2("and.b64 %rd10, %rd5, %rd6;", 0xF0L << 32, 0xFFL << 32, 0xF0L << 32);
    add2("or.b64 %rd10, %rd5, %rd6;", 0xFFL << 32, 0x0FL << 32, 0xF0L << 32);
    add2("xor.b64 %rd10, %rd5, %rd6;", 0x0FL << 32, 0xFFL << 32, 0xF0L << 32);
    add2("not.b64 %rd10, %rd5;", ~5L, 5, 0);
    add2("shl.b64 %rd10, %rd5, %r3;", 1L << 40, 1, 40);
    add2("shl.b64 %rd10, %rd5, %r3;", 0, 1, 64);
    add2("shr.u64 %rd10, %rd5, %r3;", 0, -1, 64);
    add2("shr.s64 %rd10, %rd5, %r3;", -1, -9, 70);
    add2("selp.b64 %rd10, %rd5, %rd6, 1;", 3, 3, 4);
    add("mul.wide.s32 %rd10, %r1, %r2; mov.b64 {%r3, %r10}, %rd10;", -1, 2, -3);
    add("mul.wide.u32 %rd10, %r1, %r2; mov.b64 {%r3, %r10}, %rd10;", 1, 2, -3);
    add2("mad.wide.s32 %rd10, %r1, %r3, %rd6;", -6 + 0xFFFF_FFFDL, 2, 0xFFFF_FFFDL);
    add2("mad.wide.u32 %rd10, %r1, %r3, %rd6;", 3 * 0xFFFF_FFFDL, 2, 0xFFFF_FFFDL);
    add("popc.b64 %r10, %rd5;", 33, -1, 1);
    add("clz.b64 %r10, %rd5;", 31, 0, 1);
    add("setp.lt.u64 %p1, %rd5, %rd6; selp.b32 %r10, 1, 2, %p1;", 2, -1, -1, 1, 0);
    add("setp.lt.s64 %p1, %rd5, %rd6; selp.b32 %r10, 1, 2, %p1;", 1, -1, -1, 1, 0);
  }

  private static void halves() {
    add("add.s16 %h5, %h1, %h2; cvt.s32.s16 %r10, %h5;", -32768, 32767, 1);
    add("add.u16 %h5, %h1, %h2; cvt.u32.u16 %r10, %h5;", 0, 65535, 1);
    add("mul.lo.u16 %h5, %h1, %h2; cvt.u32.u16 %r10, %h5;", 0xFFFE, 65535, 2);
    add("mul.wide.s16 %r10, %h1, %h2;", -2, 65535, 2);
    add("mul.wide.u16 %r10, %h1, %h2;", 131070, 65535, 2);
    add("mad.wide.s16 %r10, %h1, %h2, %r3;", 70000 - 2, 65535, 2, 70000);
    add("min.s16 %h5, %h1, %h2; cvt.u32.u16 %r10, %h5;", 65535, 65535, 2);
    add("max.u16 %h5, %h1, %h2; cvt.u32.u16 %r10, %h5;", 65535, 65535, 2);
    add("shl.b16 %h5, %h1, 15; cvt.u32.u16 %r10, %h5;", 0x8000, 3);
    add("shl.b16 %h5, %h1, 16; cvt.u32.u16 %r10, %h5;", 0, 3);
    add("shr.s16 %h5, %h1, 20; cvt.u32.u16 %r10, %h5;", 0xFFFF, 0x8000);
    add("shr.u16 %h5, %h1, 15; cvt.u32.u16 %r10, %h5;", 1, 0x8000);
    add("not.b16 %h5, %h1; cvt.u32.u16 %r10, %h5;", 0xFFFF, 0);
    add("setp.lt.s16 %p1, %h1, %h2; selp.b32 %r10, 1, 2, %p1;", 1, 65535, 2);
    add("setp.lt.u16 %p1, %h1, %h2; selp.b32 %r10, 1, 2, %p1;", 2, 65535, 2);
    add("neg.s16 %h5, %h1; cvt.s32.s16 %r10, %h5;", -32768, 0x8000);
    add("div.s16 %h5, %h1, %h2; cvt.s32.s16 %r10, %h5;", -3, -7, 2);
  }

  private static void floats() {
    f("add.f32 %f10, %f1, %f2;", 3.5f, 1f, 2.5f);
    f("add.rn.f32 %f10, %f1, %f2;", 0x1p24f, 0x1p24f, 1f);
    bitsOf("add.f32 %f10, %f1, %f2;", Scalars.NAN, INF, INF | MIN);
    f("sub.f32 %f10, %f1, %f2;", -1.5f, 1f, 2.5f);
    f("mul.f32 %f10, %f1, %f2;", -0f, 0f, -2f);
    f("mul.f32 %f10, %f1, %f2;", Float.MIN_VALUE, 0x1p-100f, 0x1p-49f);
    f("mul.ftz.f32 %f10, %f1, %f2;", 0f, 0x1p-100f, 0x1p-49f);
    f("mul.ftz.f32 %f10, %f1, %f2;", -0f, -0x1p-130f, 1f);
    f("mul.sat.f32 %f10, %f1, %f2;", 1f, 3f, 2f);
    f("add.sat.f32 %f10, %f1, %f2;", 0f, Float.NaN, 2f);
    f("fma.rn.f32 %f10, %f1, %f2, %f3;", 0x1p-24f, 1 + 0x1p-12f, 1 + 0x1p-12f, -1 - 0x1p-11f);
    f("fma.rn.ftz.sat.f32 %f10, %f1, %f2, %f3;", 0f, 1f, 1f, -3f);
    f("div.rn.f32 %f10, %f1, %f2;", 1f / 3f, 1f, 3f);
    f("div.full.f32 %f10, %f1, %f2;", Float.NEGATIVE_INFINITY, 1f, -0f);
    f("div.approx.ftz.f32 %f10, %f1, %f2;", 0.5f, 1f, 2f);
    f("min.f32 %f10, %f1, %f2;", -0f, 0f, -0f);
    f("max.f32 %f10, %f1, %f2;", 0f, -0f, 0f);
    bitsOf("max.f32 %f10, %f1, %f2;", 0x3F80_0000, NAN, 0x3F80_0000);
    bitsOf("min.f32 %f10, %f1, %f2;", 0x3F80_0000, 0x3F80_0000, NAN);
    bitsOf("max.NaN.f32 %f10, %f1, %f2;", Scalars.NAN, NAN, 0x3F80_0000);
    bitsOf("max.f32 %f10, %f1, %f2;", Scalars.NAN, NAN, NAN);
    f("neg.f32 %f10, %f1;", -0f, 0f);
    f("abs.f32 %f10, %f1;", 2f, -2f);
    f("abs.ftz.f32 %f10, %f1;", 0f, -0x1p-140f);
    f("add.f32 %f10, %f1, 0f3FC00000;", 2.5f, 1f);
    f("add.f32 %f10, %f1, -1.5;", -0.5f, 1f);
  }

  private static void functions() {
    f("sqrt.rn.f32 %f10, %f1;", (float) Math.sqrt(2), 2f);
    f("sqrt.approx.f32 %f10, %f1;", 3f, 9f);
    f("rsqrt.approx.f32 %f10, %f1;", 0.5f, 4f);
    f("rsqrt.approx.ftz.f32 %f10, %f1;", Float.POSITIVE_INFINITY, 0x1p-140f);
    f("rcp.rn.f32 %f10, %f1;", 1f / 3f, 3f);
    f("rcp.approx.ftz.f32 %f10, %f1;", Float.POSITIVE_INFINITY, 0f);
    f("ex2.approx.ftz.f32 %f10, %f1;", 0f, Float.NEGATIVE_INFINITY);
    f("ex2.approx.f32 %f10, %f1;", 1f, 0f);
    f("ex2.approx.f32 %f10, %f1;", 0x1p-149f, -149f);
    f("ex2.approx.ftz.f32 %f10, %f1;", 0f, -149f);
    f("ex2.approx.f32 %f10, %f1;", Float.POSITIVE_INFINITY, 128f);
    f("ex2.approx.f32 %f10, %f1;", 0x1p127f, 127f);
    f("ex2.approx.f32 %f10, %f1;", (float) Math.pow(2, 0.3f), 0.3f);
    f("ex2.approx.f32 %f10, %f1;", (float) Math.pow(2, -17.7f), -17.7f);
    bitsOf("ex2.approx.f32 %f10, %f1;", Scalars.NAN, NAN);
    f("lg2.approx.f32 %f10, %f1;", 10f, 1024f);
    f("lg2.approx.f32 %f10, %f1;", Float.NEGATIVE_INFINITY, 0f);
    f("lg2.approx.ftz.f32 %f10, %f1;", Float.NEGATIVE_INFINITY, 0x1p-140f);
    bitsOf("lg2.approx.f32 %f10, %f1;", Scalars.NAN, 0xBF80_0000);
    f("sin.approx.f32 %f10, %f1;", (float) Math.sin(1), 1f);
    f("cos.approx.f32 %f10, %f1;", 1f, 0f);
    f("tanh.approx.f32 %f10, %f1;", -1f, Float.NEGATIVE_INFINITY);
    f("tanh.approx.f32 %f10, %f1;", (float) Math.tanh(0.5), 0.5f);
  }

  private static void comparisons() {
    String pick = " selp.b32 %r10, 1, 2, %p1;";
    add("setp.eq.s32 %p1, %r1, %r2;" + pick, 1, 3, 3);
    add("setp.ne.s32 %p1, %r1, %r2;" + pick, 2, 3, 3);
    add("setp.lt.s32 %p1, %r1, %r2;" + pick, 1, -3, 3);
    add("setp.lt.u32 %p1, %r1, %r2;" + pick, 2, -3, 3);
    add("setp.le.s32 %p1, %r1, %r2;" + pick, 1, 3, 3);
    add("setp.gt.s32 %p1, %r1, %r2;" + pick, 2, 3, 3);
    add("setp.hi.u32 %p1, %r1, %r2;" + pick, 1, -3, 3);
    add("setp.ls.u32 %p1, %r1, 3;" + pick, 1, 3);
    add("setp.ge.and.s32 %p1, %r1, %r2, 0;" + pick, 2, 3, 3);
    add("setp.eq.s32 %p2, %r1, 3; setp.ge.and.s32 %p1, %r1, %r2, !%p2;" + pick, 2, 3, 3);
    add("setp.eq.s32 %p2, %r1, 3; setp.lt.or.s32 %p1, %r1, %r2, %p2;" + pick, 1, 3, 3);
    add("setp.eq.s32 %p2, %r1, 3; setp.eq.xor.s32 %p1, %r1, %r2, %p2;" + pick, 2, 3, 3);
    add("setp.eq.s32 %p2|%p1, %r1, 3;" + pick, 2, 3);
    add("setp.lt.f32 %p1, %f1, %f2;" + pick, 2, NAN, 0);
    add("setp.ltu.f32 %p1, %f1, %f2;" + pick, 1, NAN, 0);
    add("setp.ne.f32 %p1, %f1, %f2;" + pick, 2, NAN, 0);
    add("setp.neu.f32 %p1, %f1, %f2;" + pick, 1, NAN, 0);
    add("setp.equ.f32 %p1, %f1, %f2;" + pick, 1, MIN, 0);
    add("setp.eq.f32 %p1, %f1, %f2;" + pick, 1, MIN, 0);
    add("setp.gt.f32 %p1, %f1, %f2;" + pick, 1, 1, 0);
    add("setp.gt.ftz.f32 %p1, %f1, %f2;" + pick, 2, 1, 0);
    add("setp.num.f32 %p1, %f1, %f2;" + pick, 2, NAN, 0);
    add("setp.nan.f32 %p1, %f1, %f2;" + pick, 1, NAN, 0);
    add("setp.eq.s32 %p2, %r1, 3; not.pred %p1, %p2;" + pick, 2, 3);
    add("setp.eq.s32 %p2, %r1, 3; mov.pred %p3, 0; or.pred %p1, %p2, %p3;" + pick, 1, 3);
    add("setp.eq.s32 %p2, %r1, 3; and.pred %p1, %p2, %p2;" + pick, 1, 3);
    add("setp.eq.s32 %p2, %r1, 3; xor.pred %p1, %p2, %p2;" + pick, 2, 3);
    bitsOf("selp.f32 %f10, %f1, 0fFF800000, 0;", INF | MIN, 5);
    add("mov.u32 %r10, 7; setp.eq.s32 %p1, %r1, 3; @!%p1 mov.u32 %r10, 8;", 7, 3);
  }

  private static void conversions() {
    add("cvt.s32.s16 %r10, %h1;", -1, 0xFFFF);
    add("cvt.s32.s8 %r10, %r1;", -128, 0x180);
    add("cvt.u32.u8 %r10, %r1;", 0x80, 0x180);
    add("cvt.sat.s8.s32 %r10, %r1;", 127, 300);
    add("cvt.sat.u8.s32 %r10, %r1;", 0, -300);
    add("cvt.sat.s32.u32 %r10, %r1;", Integer.MAX_VALUE, -1);
    add("cvt.sat.u32.s32 %r10, %r1;", 0, -1);
    add2("cvt.s64.s32 %rd10, %r1;", -5, -5, 0);
    add2("cvt.u64.u32 %rd10, %r1;", 0xFFFF_FFFBL, 0xFFFF_FFFBL, 0);
    add("cvt.u32.u64 %r10, %rd5;", 9, 9, 7);
    add("cvt.rni.s32.f32 %r10, %f1;", 2, Float.floatToIntBits(2.5f));
    add("cvt.rzi.s32.f32 %r10, %f1;", -2, Float.floatToIntBits(-2.9f));
    add("cvt.rmi.s32.f32 %r10, %f1;", -3, Float.floatToIntBits(-2.1f));
    add("cvt.rpi.s32.f32 %r10, %f1;", -2, Float.floatToIntBits(-2.1f));
    add("cvt.rzi.s32.f32 %r10, %f1;", Integer.MAX_VALUE, Float.floatToIntBits(3e9f));
    add("cvt.rzi.u32.f32 %r10, %f1;", 0, Float.floatToIntBits(-7f));
    add("cvt.rzi.u32.f32 %r10, %f1;", -1, INF);
    add("cvt.rzi.s32.f32 %r10, %f1;", 0, NAN);
    add2("cvt.rzi.s64.f32 %rd10, %f1;", Long.MIN_VALUE, NAN, 0);
    add2("cvt.rzi.u64.f32 %rd10, %f1;", 1L << 63, Float.floatToIntBits(0x1p63f), 0);
    bitsOf("cvt.rn.f32.s32 %f10, %r1;", Float.floatToIntBits(0x1p24f), (1 << 24) + 1);
    bitsOf("cvt.rp.f32.s32 %f10, %r1;", Float.floatToIntBits(0x1p24f + 2), (1 << 24) + 1);
    bitsOf("cvt.rz.f32.s32 %f10, %r1;", Float.floatToIntBits(-0x1p24f), -(1 << 24) - 1);
    bitsOf("cvt.rm.f32.s32 %f10, %r1;", Float.floatToIntBits(-0x1p24f - 2), -(1 << 24) - 1);
    bitsOf("cvt.rn.f32.u32 %f10, %r1;", Float.floatToIntBits(0x1p32f), -1);
    bitsOf("cvt.rn.f32.u64 %f10, %rd5;", Float.floatToIntBits(0x1p64f), -1, -1);
    f("cvt.rni.f32.f32 %f10, %f1;", -2f, -1.5f);
    f("cvt.rzi.f32.f32 %f10, %f1;", -0f, -0.5f);
    f("cvt.rmi.f32.f32 %f10, %f1;", -1f, -0.5f);
    f("cvt.rpi.f32.f32 %f10, %f1;", -0f, -0.5f);
    add("cvt.rn.f16.f32 %h5, %f1; cvt.u32.u16 %r10, %h5;", 0x3C00, 0x3F80_0000);
    add("cvt.rn.f16.f32 %h5, %f1; cvt.u32.u16 %r10, %h5;", 0x7C00, 0x477F_F000);
    add("cvt.rz.f16.f32 %h5, %f1; cvt.u32.u16 %r10, %h5;", 0x7BFF, 0x477F_F000);
    add("cvt.rn.f16.f32 %h5, %f1; cvt.u32.u16 %r10, %h5;", 1, 0x3380_0000);
    add("cvt.rn.bf16.f32 %h5, %f1; cvt.u32.u16 %r10, %h5;", 0x3F80, 0x3F80_8000);
    add("cvt.rn.bf16.f32 %h5, %f1; cvt.u32.u16 %r10, %h5;", 0x3F82, 0x3F81_8000);
    add("cvt.rn.bf16.f32 %h5, %f1; cvt.u32.u16 %r10, %h5;", 0x7FFF, NAN | MIN);
    add("cvt.rn.bf16.f32 %h5, %f1; cvt.u32.u16 %r10, %h5;", 0x7F80, 0x7F7F_FFFF);
    add("cvt.rn.bf16x2.f32 %r10, %f1, %f2;", 0x3F80_4000, 0x3F80_0000, 0x4000_0000);
    add("cvt.rz.bf16x2.f32 %r10, %f1, %f2;", 0x3F80_4000, 0x3F80_FFFF, 0x4000_FFFF);
    add("cvt.rn.relu.bf16x2.f32 %r10, %f1, %f2;", 0x4000, 0xBF80_0000, 0x4000_0000);
    add("cvt.rn.f16x2.f32 %r10, %f1, %f2;", 0x3C00_4000, 0x3F80_0000, 0x4000_0000);
    bitsOf("cvt.f32.f16 %f10, %h1;", 0x3380_0000, 1);
    bitsOf("cvt.f32.f16 %f10, %h1;", 0xFF80_0000, 0xFC00);
  }

  private static void moves() {
    add("mov.b32 {%h5, %h6}, %r1; mov.b32 %r10, {%h6, %h5};", 0x5678_1234, 0x1234_5678);
    add2("mov.b64 {%r5, %r6}, %rd5; mov.b64 %rd10, {%r6, %r5};", 1L << 32 | 2, 2L << 32 | 1, 0);
    add("mov.b32 %r10, 0x7fffffff;", Integer.MAX_VALUE);
    add("mov.u32 %r10, %ntid.x;", 32);
    add("mov.u32 %r10, %nctaid.y;", 1);
    add("mov.u32 %r10, %warpid;", 0);
    add("{ .reg .b32 t; mov.u32 t, 4; add.u32 %r10, t, 1; }", 5);
    add("mov.f32 %f10, 0f3F800000; mov.b32 %r10, %f10;", 0x3F80_0000);
  }

  /** The case as a kernel; with {@code half} only the even lanes run it. */
  static String module(Case test, boolean half) {
    return Kernels.module(
        """
        ld.global.v4.u32 {%%r1, %%r2, %%r3, %%r4}, [%%rd0];
        mov.b32 %%f1, %%r1; mov.b32 %%f2, %%r2; mov.b32 %%f3, %%r3; mov.b32 %%f4, %%r4;
        mov.b64 %%rd5, {%%r1, %%r2}; mov.b64 %%rd6, {%%r3, %%r4};
        cvt.u16.u32 %%h1, %%r1; cvt.u16.u32 %%h2, %%r2;
        mov.u32 %%r10, 0; mov.u32 %%r11, 0; and.b32 %%r20, %%r0, %d;
        setp.ne.u32 %%p9, %%r20, 0;
        @%%p9 bra SKIP;
        %s
        SKIP:
        st.global.u32 [%%rd4], %%r10;
        st.global.u32 [%%rd4+128], %%r11;
        """
            .formatted(half ? 1 : 0, test.code()));
  }
}
