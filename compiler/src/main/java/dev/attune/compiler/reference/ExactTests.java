package dev.attune.compiler.reference;

import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.BinaryOp;
import dev.attune.compiler.spec.Bindings;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.Eval;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.NdArray;
import dev.attune.compiler.spec.Normalization;
import dev.attune.compiler.spec.Shape;
import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import java.util.Random;

/**
 * Tests whose answer is known without computing it, so that no tolerance hides a key too many, a
 * key missing or a key exchanged. Each returns what is wrong in one sentence, or nothing.
 *
 * <p>They apply to softmax without a sink; {@link #uniformWhenQIsZero} says where the first two do,
 * and {@link #scoreIsScaledProduct} where the selector does.
 */
public final class ExactTests {
  private ExactTests() {}

  /** Whether the score is 0 for every pair where q·k is 0. */
  public static boolean uniformWhenQIsZero(AttentionSpec spec, Bindings bindings) {
    if (!plainSoftmax(spec)) {
      return false;
    }
    Eval eval = new Eval(bindings).score(0);
    Shape s = bindings.shape();
    for (RowId row : RowId.all(s)) {
      for (int kv = 0; kv < s.kvSeq(); kv++) {
        if (eval.at(row.b(), row.h(), row.q(), kv).real(spec.score().expr()) != 0) {
          return false;
        }
      }
    }
    return true;
  }

  /** Whether the score is {@code score * scale} as it stands. */
  public static boolean scoreIsScaledProduct(AttentionSpec spec) {
    return plainSoftmax(spec)
        && spec.score()
            .expr()
            .equals(new Expr.Binary(BinaryOp.MUL, new Expr.Score(), new Expr.Scale()));
  }

  private static boolean plainSoftmax(AttentionSpec spec) {
    return spec.normalization() instanceof Normalization.Softmax(var sink) && sink.isEmpty();
  }

  /**
   * With q = 0 every live key weighs 1/n: LSE must be ln n, and with V one-hot at key mod Dv each
   * output counts the live keys of its residue.
   */
  public static Optional<String> countsKeys(
      Executor executor, AttentionSpec spec, Bindings bindings, Dtype dtype) {
    Shape s = bindings.shape();
    int dv = s.headDim().v();
    Problem problem = zeroQueries(spec, bindings, dtype, (kv, d) -> kv % dv == d ? 1 : 0);
    Result result = executor.run(problem);
    Eval eval = new Eval(bindings);
    for (RowId row : RowId.all(s)) {
      int[] counts = new int[dv];
      int n = 0;
      for (int kv = 0; kv < s.kvSeq(); kv++) {
        if (live(eval, spec, row, kv)) {
          counts[kv % dv]++;
          n++;
        }
      }
      double lse = n == 0 ? Double.NEGATIVE_INFINITY : Math.log(n);
      if (result.lse().isPresent()) {
        float got = result.lse().get().floats()[row.lseIndex(s)];
        // ln(n ± 1) is 1/n away, so this tells n from its neighbours for n below 10⁴.
        if (got != lse && !(Math.abs(got - lse) <= 5e-6 * Math.max(1, lse))) {
          return Optional.of(
              String.format(
                  Locale.ROOT,
                  "%s sees %d keys, so LSE is %.7g, but it is %.7g (%.2f keys)",
                  row,
                  n,
                  lse,
                  got,
                  Math.exp(got)));
        }
      }
      for (int d = 0; d < dv; d++) {
        float got = result.o().floats()[row.outputIndex(s) + d];
        double want = n == 0 ? 0 : (double) counts[d] / n;
        if (!(Math.abs(got - want) <= Accuracy.unit(dtype) * want)) {
          return Optional.of(
              String.format(
                  Locale.ROOT,
                  "%s sees %d keys that are %d modulo %d, but its output counts %.3f",
                  row,
                  counts[d],
                  d,
                  dv,
                  (double) got * n));
        }
      }
    }
    return Optional.empty();
  }

  /**
   * With q = 0 and small integers in V the sum over the live keys is exact: O is that sum over n,
   * rounded once.
   */
  public static Optional<String> integers(
      Executor executor, AttentionSpec spec, Bindings bindings, Dtype dtype) {
    Shape s = bindings.shape();
    Random random = new Random(1);
    int dv = s.headDim().v();
    int[] values = new int[s.kvSeq() * dv];
    Arrays.setAll(values, i -> random.nextInt(5) - 2);
    Problem problem = zeroQueries(spec, bindings, dtype, (kv, d) -> values[kv * dv + d]);
    Result result = executor.run(problem);
    Eval eval = new Eval(bindings);
    for (RowId row : RowId.all(s)) {
      long[] sums = new long[dv];
      int n = 0;
      for (int kv = 0; kv < s.kvSeq(); kv++) {
        if (live(eval, spec, row, kv)) {
          n++;
          for (int d = 0; d < dv; d++) {
            sums[d] += values[kv * dv + d];
          }
        }
      }
      for (int d = 0; d < dv; d++) {
        double want = n == 0 ? 0 : (double) sums[d] / n;
        float got = result.o().floats()[row.outputIndex(s) + d];
        boolean exact = Integer.bitCount(n) <= 1;
        double tolerance = exact ? 0 : 2 * Accuracy.unit(dtype) * Math.abs(want);
        double nearest = exact ? dtype.round((float) want) : want;
        if (!(Math.abs(got - nearest) <= tolerance)) {
          return Optional.of(
              String.format(
                  Locale.ROOT,
                  "%s output %d is %d/%d = %.7g, but it is %.7g",
                  row,
                  d,
                  sums[d],
                  n,
                  want,
                  got));
        }
      }
    }
    return Optional.empty();
  }

  /** With V = 1 every output with a live key is 1, but for the rounding of P, and else 0. */
  public static Optional<String> weightsSumToOne(
      Executor executor, AttentionSpec spec, Bindings bindings, Dtype dtype) {
    Problem random = Inputs.problem(spec, bindings, dtype, Inputs.Distribution.NORMAL, 2);
    NdArray ones = NdArray.floats(random.v().shape());
    Arrays.fill(ones.floats(), 1);
    Result result = executor.run(random.with(random.q(), random.k(), ones));
    Shape s = bindings.shape();
    Eval eval = new Eval(bindings);
    for (RowId row : RowId.all(s)) {
      boolean any = false;
      for (int kv = 0; kv < s.kvSeq() && !any; kv++) {
        any = live(eval, spec, row, kv);
      }
      for (int d = 0; d < s.headDim().v(); d++) {
        float got = result.o().floats()[row.outputIndex(s) + d];
        if (!(Math.abs(got - (any ? 1 : 0)) <= (any ? 2 * Accuracy.unit(dtype) : 0))) {
          return Optional.of(
              String.format(
                  Locale.ROOT,
                  "%s weights sum to %d, but output %d is %.7g",
                  row,
                  any ? 1 : 0,
                  d,
                  got));
        }
      }
    }
    return Optional.empty();
  }

  /**
   * Keys are distinct codes of ±1 and each query is the code of one live key, so large that every
   * other weight underflows: O must be that row of V to the bit.
   */
  public static Optional<String> selector(
      Executor executor, AttentionSpec spec, Bindings bindings, Dtype dtype, long seed) {
    Shape s = bindings.shape();
    int width = s.headDim().qk();
    int bits = Math.max(1, Integer.SIZE - Integer.numberOfLeadingZeros(s.kvSeq()));
    if (bits > width) {
      throw new IllegalArgumentException(s.kvSeq() + " codes do not fit in " + width + " bits");
    }
    // Two codes differ in width/bits places, each worth 2·gain; exp(-128) is 0 in every format.
    int distance = width / bits;
    double gain = 64 / bindings.scale() / distance;
    float power = Math.scalb(1f, Math.getExponent(gain) + 1);
    Problem random = Inputs.problem(spec, bindings, dtype, Inputs.Distribution.NORMAL, seed);
    NdArray q = NdArray.floats(random.q().shape());
    NdArray k = NdArray.floats(random.k().shape());
    for (int i = 0; i < k.floats().length; i++) {
      int kv = i / width / s.kvHeads() % s.kvSeq();
      k.floats()[i] = code(kv, i % width, bits);
    }
    Random choice = new Random(seed);
    Eval eval = new Eval(bindings);
    int[] selected = new int[RowId.all(s).size()];
    for (RowId row : RowId.all(s)) {
      int start = choice.nextInt(Math.max(1, s.kvSeq()));
      int key = -1;
      for (int i = 0; i < s.kvSeq() && key < 0; i++) {
        int kv = (start + i) % s.kvSeq();
        key = live(eval, spec, row, kv) ? kv : -1;
      }
      selected[row.lseIndex(s)] = key;
      int at = ((row.b() * s.seq() + row.q()) * s.heads() + row.h()) * width;
      for (int d = 0; d < width; d++) {
        q.floats()[at + d] = power * code(Math.max(0, key), d, bits);
      }
    }
    Result result = executor.run(random.with(q, k, random.v()));
    for (RowId row : RowId.all(s)) {
      int key = selected[row.lseIndex(s)];
      for (int d = 0; d < s.headDim().v(); d++) {
        int from = key < 0 ? 0 : Keys.keyIndex(s, row, key) * s.headDim().v() + d;
        float want = key < 0 ? 0 : random.v().floats()[from];
        float got = result.o().floats()[row.outputIndex(s) + d];
        if (got != want) {
          return Optional.of(
              String.format(
                  Locale.ROOT,
                  "%s selects key %d, so output %d is %.7g, but it is %.7g",
                  row,
                  key,
                  d,
                  want,
                  got));
        }
      }
    }
    return Optional.empty();
  }

  private static float code(int kv, int d, int bits) {
    return ((kv >> (d % bits)) & 1) == 0 ? 1 : -1;
  }

  /**
   * Keys that no row of their batch element and head may see are given other finite contents: every
   * output must stay the same to the bit.
   */
  public static Optional<String> deadKeysDoNotMatter(Executor executor, Problem problem) {
    Result before = executor.run(problem);
    Shape s = problem.shape();
    boolean[] seen = new boolean[s.batch() * s.kvSeq() * s.kvHeads()];
    Eval eval = new Eval(problem.bindings());
    for (RowId row : RowId.all(problem.bindings())) {
      for (int kv = 0; kv < problem.bindings().keys(row.b()); kv++) {
        seen[Keys.keyIndex(s, row, kv)] |= live(eval, problem.spec(), row, kv);
      }
    }
    for (float poison : new float[] {0, -1000, 30000}) {
      Problem poisoned =
          problem.with(
              problem.q(), poison(problem.k(), seen, poison), poison(problem.v(), seen, poison));
      Result after = executor.run(poisoned);
      if (!Arrays.equals(before.o().floats(), after.o().floats())) {
        return Optional.of(
            String.format(
                Locale.ROOT,
                "O depends on keys that no row sees: it changes when they hold %.0f",
                poison));
      }
      if (before.lse().isPresent()
          && after.lse().isPresent()
          && !Arrays.equals(before.lse().get().floats(), after.lse().get().floats())) {
        return Optional.of(
            String.format(
                Locale.ROOT,
                "LSE depends on keys that no row sees: it changes when they hold %.0f",
                poison));
      }
    }
    return Optional.empty();
  }

  private static NdArray poison(NdArray array, boolean[] seen, float value) {
    float[] data = array.floats().clone();
    for (int i = 0; i < data.length; i++) {
      if (!seen[i / (data.length / seen.length)]) {
        data[i] = value;
      }
    }
    return new NdArray(array.shape(), data);
  }

  @FunctionalInterface
  private interface Value {
    int at(int kv, int d);
  }

  private static Problem zeroQueries(
      AttentionSpec spec, Bindings bindings, Dtype dtype, Value value) {
    Problem random = Inputs.problem(spec, bindings, dtype, Inputs.Distribution.NORMAL, 3);
    Shape s = bindings.shape();
    int dv = s.headDim().v();
    NdArray v = NdArray.floats(random.v().shape());
    for (int i = 0; i < v.floats().length; i++) {
      v.floats()[i] = value.at(i / dv / s.kvHeads() % s.kvSeq(), i % dv);
    }
    return random.with(NdArray.floats(random.q().shape()), random.k(), v);
  }

  private static boolean live(Eval eval, AttentionSpec spec, RowId row, int kv) {
    return eval.at(row.b(), row.h(), row.q(), kv).bool(spec.mask().expr());
  }
}
