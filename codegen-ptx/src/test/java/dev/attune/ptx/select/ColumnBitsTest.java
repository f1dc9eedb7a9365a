package dev.attune.ptx.select;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.attune.compiler.analysis.IntRanges;
import dev.attune.compiler.check.Checked;
import dev.attune.compiler.check.Frontend;
import dev.attune.compiler.check.ImportResolver;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Bindings;
import dev.attune.compiler.spec.Eval;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Extent;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.compiler.spec.Shape;
import dev.attune.dsl.diagnostic.Source;
import dev.attune.ptx.Inst;
import dev.attune.ptx.Operand;
import dev.attune.ptx.Reg;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.IntFunction;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The bits of columns, computed on the emulator, are what the mask says of their keys. */
class ColumnBitsTest {
  private static final int COUNT = 1024;
  private static final int WORDS = 4;
  private static final int KEYS = 1 << 20;
  private static final Shape SHAPE = new Shape(1, 8, 8, KEYS, KEYS, new HeadDim(16, 16));
  private static final int[] PERIODS = {
    1, 2, 3, 5, 7, 8, 16, 31, 32, 33, 63, 64, 65, 100, 1000, KEYS, 2 * KEYS, (1 << 30) - 1, 1 << 30
  };

  /** Params: n and m at least 1, the others any. */
  private record Place(int q, int kv, int h, int n, int m, int c, int g) {
    Map<String, Double> params() {
      return Map.of("n", (double) n, "m", (double) m, "c", (double) c, "g", (double) g);
    }

    static Place draw(Random random) {
      int n = PERIODS[random.nextInt(PERIODS.length)];
      int m = PERIODS[random.nextInt(PERIODS.length)];
      int kv = draw(random, KEYS - 32 * WORDS);
      int c = random.nextBoolean() ? random.nextInt(n) : near(random, n);
      // Often at a period's start, where a run ends or begins in the first columns.
      int start = random.nextBoolean() ? kv : (int) Math.floorDiv((long) kv, n) * n;
      int g = start + near(random, random.nextBoolean() ? 0 : random.nextInt(n));
      return new Place(draw(random, KEYS), kv, random.nextInt(8), n, m, c, g);
    }

    private static int draw(Random random, int end) {
      int size = 1 << random.nextInt(21);
      return Math.min(random.nextInt(size), end - 1);
    }

    private static int near(Random random, int value) {
      return Math.min(value + random.nextInt(5) - 2, 1 << 30);
    }
  }

  private static AttentionSpec spec(String mask) {
    String text =
        """
        attention bits {
          param n : int = 2 where n >= 1
          param m : int = 2 where m >= 1
          param c : int = 0
          param g : int = 0
          mask = %s
        }
        """
            .formatted(mask);
    Checked checked = Frontend.load(new Source("bits.attn", text), ImportResolver.none());
    assertTrue(checked.ok(), checked.diagnostics()::toString);
    return checked.specs().getFirst();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "kv % n == 0",
        "kv % n == c",
        "kv % n != c",
        "kv % n < c",
        "kv % n <= c",
        "kv % n > c",
        "kv % n >= c",
        "c < kv % n + h",
        "c - kv % n < q % n",
        "(kv + g) % n == c",
        "(kv - g) % n < c",
        "(g - kv) % n < c",
        "(g - kv) % n >= c",
        "(q - kv) % n == 0",
        "(q - kv + g) % n == c",
        "abs(q - kv) % n == 0",
        "q % n == kv % n",
        "q % n == h % n == kv % n",
        "(q + g) % n != (kv - c) % n",
        "kv % n <= q % n",
        "(kv // m + h + 1) % n == 0",
        "(h - kv // m) % n == c",
        "kv // m % n == q // m % n",
        "kv % n // m == q % n // m",
        "kv % n // m <= q % n // m",
        "abs((q - g) % n - (kv - g) % n) < c",
        "abs(kv % n - c) <= q % n",
        "neighbour(q % n, kv % n, n, m)",
        "(kv < q) == (kv % n == 0)",
        "not (kv % n == 0) and causal or kv < c",
        "abs(q - kv) <= c and (q - kv) % n == 0",
        "causal and (q // m - kv // m < c or (q - kv) % n == 0)",
        "kv // m == q // m and kv % n == c",
        "kv & 7 == 3",
        "(q - kv) & 31 < c",
        "(q - kv) % 7 == 3",
        "(kv - q) % 16 < 5",
        "kv % 32 == 31",
        "(kv + q) % 33 >= 30",
        "kv % 64 < 40",
        "kv % 100 > c",
      })
  void agreeWithTheMask(String mask) {
    AttentionSpec spec = spec(mask);
    Random random = new Random(mask.hashCode());
    List<Place> places = IntStream.range(0, COUNT).mapToObj(i -> Place.draw(random)).toList();
    ByteBuffer words = run(spec, places);
    for (int i = 0; i < COUNT; i++) {
      Place p = places.get(i);
      Eval eval = new Eval(new Bindings(SHAPE, 1, p.params(), Map.of()));
      for (int k = 0; k < 32 * WORDS; k++) {
        boolean bit = (words.getInt(4 * (i * WORDS + k / 32)) >>> k % 32 & 1) == 1;
        boolean live = eval.at(0, p.h, p.q, p.kv + k).bool(spec.mask().expr());
        assertEquals(live, bit, () -> mask + " at " + p);
      }
    }
  }

  /** Words of a lane whose tile begins at the place's key. */
  private static ByteBuffer run(AttentionSpec spec, List<Place> places) {
    Emitter emit = new Emitter();
    Reg[] in = new Reg[7];
    for (int i = 0; i < in.length; i++) {
      in[i] = emit.fresh(Reg.Kind.B32);
    }
    Reg size = emit.fresh(Reg.Kind.B32);
    emit.add(new Inst.Mov(size, new Operand.IntConst(KEYS)));
    Reg none = emit.fresh(Reg.Kind.F32);
    Map<Extent, Operand> sizes = new EnumMap<>(Extent.class);
    for (Extent e : Extent.values()) {
      sizes.put(e, new Operand.IntConst(SHAPE.extent(e)));
    }
    Map<String, Reg> params = Map.of("n", in[3], "m", in[4], "c", in[5], "g", in[6]);
    Env env = new Env(size, in[2], in[2], sizes, sizes, none, none, params, Map.of(), Map.of());
    ExprCode expressions = new ExprCode(emit, spec, env);
    Elements elements =
        new Elements(emit, expressions, new LaneRows.OneHead(in[2], in[0], 2), size, size);
    MaskParts parts = expressions.maskParts(Unroll.unroll(spec.mask().expr()));
    assertEquals(new Expr.BoolConst(true), parts.rest());
    BitCode code = new BitCode(elements);
    code.hoist(parts.bits().orElseThrow());
    LaneKeys lane = new LaneKeys(IntVal.of(in[1]), true);
    List<Reg> out = new ArrayList<>();
    for (int w = 0; w < WORDS; w++) {
      out.add(emit.reg(code.word(parts.bits().orElseThrow(), 0, lane, w), Reg.Kind.B32));
    }
    return execute(emit, List.of(in), out, places);
  }

  private static ByteBuffer execute(Emitter emit, List<Reg> in, List<Reg> out, List<Place> places) {
    ByteBuffer input = ByteBuffer.allocate(32 * COUNT).order(ByteOrder.LITTLE_ENDIAN);
    for (Place p : places) {
      for (int value : new int[] {p.q, p.kv, p.h, p.n, p.m, p.c, p.g, 0}) {
        input.putInt(value);
      }
    }
    String load =
        lines(in.size(), i -> "ld.global.b32 %s, [%%a0+%d]".formatted(in.get(i).text(), 4 * i));
    String store =
        lines(out.size(), i -> "st.global.b32 [%%a1+%d], %s".formatted(4 * i, out.get(i).text()));
    return new Fragment(emit, load, store, 4 * WORDS).ofThreads(input, COUNT);
  }

  private static String lines(int count, IntFunction<String> line) {
    return IntStream.range(0, count)
        .mapToObj(i -> line.apply(i) + ";\n")
        .collect(Collectors.joining());
  }

  @Test
  void onlyWhatRepeatsIsBits() {
    for (String mask :
        List.of("causal", "abs(q - kv) < 9", "(kv * kv) % n == 0", "2 * kv % 3 == 0")) {
      AttentionSpec spec = spec(mask);
      MaskParts parts = MaskParts.of(Unroll.unroll(spec.mask().expr()), IntRanges.of(spec));
      assertTrue(parts.bits().isEmpty(), mask);
    }
  }
}
