package dev.attune.ptx.select;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.attune.compiler.analysis.Interval;
import dev.attune.ptx.Inst;
import dev.attune.ptx.Operand;
import dev.attune.ptx.Operand.IntConst;
import dev.attune.ptx.PtxPrinter;
import dev.attune.ptx.Reg;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Quotients and remainders on the emulator are those of Java, up to the ends of each range. */
class DivisionTest {
  private static final int COUNT = 4096;

  private record Pair(long n, long d) {}

  /** Pairs around what rounds up, and of all magnitudes. */
  private static List<Pair> pairs(Interval dividend, Interval divisor) {
    Random random = new Random(1);
    List<Pair> pairs = new ArrayList<>();
    while (pairs.size() < COUNT) {
      long d = inside(random, divisor);
      if (d != 0) {
        long near = Math.floorDiv(inside(random, dividend), d) * d + random.nextInt(3) - 1;
        long n = random.nextBoolean() ? near : inside(random, dividend);
        pairs.add(new Pair(Math.clamp(n, dividend.lo(), dividend.hi()), d));
      }
    }
    return pairs;
  }

  private static long inside(Random random, Interval range) {
    long any = random.nextLong() >> random.nextInt(Long.SIZE);
    return random.nextInt(8) == 0
        ? (random.nextBoolean() ? range.lo() : range.hi())
        : Math.clamp(range.lo() >= 0 ? any & Long.MAX_VALUE : any, range.lo(), range.hi());
  }

  private static void check(boolean wide, Interval dividend, Interval divisor, boolean shared) {
    Emitter emit = new Emitter();
    Reg.Kind kind = wide ? Reg.Kind.B64 : Reg.Kind.B32;
    Reg n = emit.fresh(kind);
    Reg d = emit.fresh(kind);
    DivisionCode.Division division =
        new DivisionCode.Division(n, d, wide, dividend, divisor, shared);
    DivisionCode code = new DivisionCode(emit);
    Reg quotient = sign(emit, code.quotient(division));
    Reg remainder = sign(emit, code.remainder(division));
    if (wide) {
      assertTrue(emit.code().stream().noneMatch(i -> PtxPrinter.print(i).startsWith("div")));
    }
    List<Pair> pairs = pairs(dividend, divisor);
    ByteBuffer out = run(emit, wide, List.of(n, d, quotient, remainder), pairs);
    for (int i = 0; i < COUNT; i++) {
      Pair p = pairs.get(i);
      assertEquals(Math.floorDiv(p.n(), p.d()), out.getLong(16 * i), p + " quotient");
      assertEquals(Math.floorMod(p.n(), p.d()), out.getLong(16 * i + 8), p + " remainder");
    }
  }

  private static Reg sign(Emitter emit, Operand value) {
    Reg reg = (Reg) value;
    return reg.kind() == Reg.Kind.B64 ? reg : emit.convert(Inst.Conversion.S64_FROM_S32, reg);
  }

  private static ByteBuffer run(Emitter emit, boolean wide, List<Reg> regs, List<Pair> pairs) {
    ByteBuffer in = ByteBuffer.allocate(16 * COUNT).order(ByteOrder.LITTLE_ENDIAN);
    pairs.forEach(p -> in.putLong(p.n()).putLong(p.d()));
    String type = wide ? "b64" : "b32";
    String load =
        "ld.global.%1$s %2$s, [%%a0];\nld.global.%1$s %3$s, [%%a0+8];\n"
            .formatted(type, regs.get(0).text(), regs.get(1).text());
    String store =
        "st.global.b64 [%%a1], %s;\nst.global.b64 [%%a1+8], %s;\n"
            .formatted(regs.get(2).text(), regs.get(3).text());
    return new Fragment(emit, load, store, 16).ofThreads(in, COUNT);
  }

  @Test
  void ofInts() {
    Interval all = new Interval(-(1L << 30), (1L << 30) - 1);
    check(false, all, all, false);
    check(false, new Interval(0, Integer.MAX_VALUE), new Interval(1, Integer.MAX_VALUE), false);
  }

  @Test
  void ofIntsByAReciprocal() {
    check(false, new Interval(0, Integer.MAX_VALUE), new Interval(1, Integer.MAX_VALUE), true);
    check(false, new Interval(0, 1 << 24), new Interval(1, 1 << 10), true);
  }

  @Test
  void ofLongs() {
    Interval positive = new Interval(1, Long.MAX_VALUE);
    check(true, new Interval(0, 1 << 20), positive, true);
    check(true, new Interval(0, (1L << 42) - 1), positive, false);
    check(true, new Interval(0, (1L << 22) - 1), new Interval(1, 3), false);
    check(true, new Interval(-(1L << 42), (1L << 42) - 1), new Interval(1, 1 << 16), false);
    check(true, new Interval(0, Long.MAX_VALUE), positive, true);
    check(true, new Interval(Long.MIN_VALUE, Long.MAX_VALUE), positive, true);
  }

  @Test
  void aConstantTakesNoReciprocal() {
    Emitter emit = new Emitter();
    Reg n = emit.fresh(Reg.Kind.B32);
    Interval range = new Interval(0, 100);
    new DivisionCode(emit)
        .quotient(
            new DivisionCode.Division(n, new IntConst(3), false, range, new Interval(3, 3), true));
    assertEquals(
        List.of("div.s32 %r1, %r0, 3"), emit.code().stream().map(PtxPrinter::print).toList());
  }
}
