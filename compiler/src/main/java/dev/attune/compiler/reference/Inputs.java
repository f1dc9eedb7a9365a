package dev.attune.compiler.reference;

import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Bindings;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.Eval;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Expr.BoolConst;
import dev.attune.compiler.spec.Expr.FloatConst;
import dev.attune.compiler.spec.Expr.IntConst;
import dev.attune.compiler.spec.NdArray;
import dev.attune.compiler.spec.ParamDecl;
import dev.attune.compiler.spec.Shape;
import dev.attune.compiler.spec.TensorDecl;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;

/** Random inputs. The same seed gives the same numbers on every machine. */
public final class Inputs {
  private Inputs() {}

  /** How Q, K and V are distributed: each is hard on another part of a kernel. */
  public enum Distribution {
    /** All standard normal: scores have standard deviation 1. */
    NORMAL,
    /** Scores of standard deviation 4: few keys carry most of the weight. */
    PEAKED,
    /** All keys the same: every weight is 1/n. */
    EQUAL,
    /** Scores grow along the keys, so that every tile raises the running maximum. */
    RISING,
    /** Scores fall along the keys. */
    FALLING,
    /** One element in a thousand is ten times larger. */
    OUTLIER,
    /** V has the mean 5. */
    SHIFTED,
    /** Integers from −2 to 2, four fifths of them zero. */
    INTEGERS
  }

  /** A problem with the default params, the default scale and random tensors. */
  public static Problem problem(
      AttentionSpec spec, Dtype dtype, Shape shape, Distribution distribution, long seed) {
    return problem(spec, bindings(spec, shape, seed), dtype, distribution, seed);
  }

  /** A problem with random Q, K and V, rounded to the dtype. */
  public static Problem problem(
      AttentionSpec spec, Bindings bindings, Dtype dtype, Distribution distribution, long seed) {
    Shape s = bindings.shape();
    Random random = new Random(seed);
    int d = s.headDim().qk();
    NdArray q = NdArray.floats(s.batch(), s.seq(), s.heads(), d);
    NdArray k = NdArray.floats(s.batch(), s.kvSeq(), s.kvHeads(), d);
    NdArray v = NdArray.floats(s.batch(), s.kvSeq(), s.kvHeads(), s.headDim().v());
    fill(q, random, distribution);
    fill(k, random, distribution);
    fill(v, random, distribution);
    switch (distribution) {
      case NORMAL, OUTLIER, INTEGERS -> {}
      case PEAKED -> scale(q, 4);
      case EQUAL -> repeatFirstKey(k, s);
      case RISING -> slope(q, k, s, 1);
      case FALLING -> slope(q, k, s, -1);
      case SHIFTED -> {
        for (int i = 0; i < v.floats().length; i++) {
          v.floats()[i] += 5;
        }
      }
    }
    for (NdArray array : new NdArray[] {q, k, v}) {
      round(array.floats(), dtype);
    }
    return new Problem(spec, bindings, dtype, q, k, v);
  }

  /** The default params, the scale 1/√Dqk and random captured tensors. */
  public static Bindings bindings(AttentionSpec spec, Shape shape, long seed) {
    Map<String, Double> params = new LinkedHashMap<>();
    spec.params().forEach(p -> params.put(p.name(), number(p.defaultValue())));
    return bindings(spec, shape, params, seed);
  }

  /** The given params, the scale 1/√Dqk and random captured tensors. */
  public static Bindings bindings(
      AttentionSpec spec, Shape shape, Map<String, Double> params, long seed) {
    double scale = 1 / Math.sqrt(shape.headDim().qk());
    Bindings sizes = new Bindings(shape, scale, params, Map.of());
    return new Bindings(shape, scale, params, tensors(spec, sizes, seed));
  }

  private static double number(Expr literal) {
    return switch (literal) {
      case IntConst(long value) -> value;
      case FloatConst(double value) -> value;
      case BoolConst(boolean value) -> value ? 1 : 0;
      default -> throw new IllegalArgumentException("a default of " + literal);
    };
  }

  /**
   * Random captured tensors that have their declared shapes and facts. Ints are positions up to Skv
   * where their range allows it; those that are nondecreasing and without a range are few distinct
   * numbers (documents).
   */
  public static Map<String, NdArray> tensors(AttentionSpec spec, Bindings sizes, long seed) {
    Eval eval = new Eval(sizes);
    Map<String, NdArray> tensors = new LinkedHashMap<>();
    for (TensorDecl t : spec.tensors()) {
      // Its own generator: a tensor does not change when another is declared before it.
      Random random = new Random(seed * 31 + t.name().hashCode());
      int[] shape =
          t.shape().stream()
              .mapToInt(x -> Math.clamp(eval.integer(x), 0, Integer.MAX_VALUE))
              .toArray();
      tensors.put(t.name(), tensor(t, shape, sizes.shape(), random));
    }
    return tensors;
  }

  private static NdArray tensor(TensorDecl t, int[] shape, Shape sizes, Random random) {
    int count = Math.toIntExact(NdArray.count(shape));
    int row = shape.length == 0 ? 1 : Math.max(1, shape[shape.length - 1]);
    int rows = t.nondecreasing() ? count / row : 0;
    return switch (t.type()) {
      case FLOAT -> {
        float[] data = new float[count];
        for (int i = 0; i < count; i++) {
          double x = random.nextGaussian();
          data[i] =
              (float)
                  t.range()
                      .map(r -> between(r, Math.abs(x) % 1, random.nextDouble()))
                      .orElse(x)
                      .doubleValue();
        }
        for (int r = 0; r < rows; r++) {
          Arrays.sort(data, r * row, (r + 1) * row);
        }
        yield new NdArray(shape, data);
      }
      case INT -> {
        long low = t.range().map(r -> (long) Math.ceil(Math.max(r.low(), -INT_LIMIT))).orElse(0L);
        long most = t.nondecreasing() ? row / 16 + 1 : sizes.kvSeq();
        long high =
            t.range()
                .map(
                    r ->
                        (long)
                            Math.floor(Math.min(r.high(), (double) Math.max(low, sizes.kvSeq()))))
                .orElse(most);
        int[] data = new int[count];
        for (int i = 0; i < count; i++) {
          data[i] = (int) random.nextLong(low, high + 1);
        }
        for (int r = 0; r < rows; r++) {
          Arrays.sort(data, r * row, (r + 1) * row);
        }
        yield new NdArray(shape, data);
      }
      case BOOL -> {
        byte[] data = new byte[count];
        for (int i = 0; i < count; i++) {
          data[i] = (byte) random.nextInt(2);
        }
        for (int r = 0; r < rows; r++) {
          Arrays.sort(data, r * row, (r + 1) * row);
        }
        yield new NdArray(shape, data);
      }
    };
  }

  private static final double INT_LIMIT = Integer.MAX_VALUE - 1;

  private static double between(ParamDecl.Range r, double tail, double uniform) {
    boolean below = Double.isInfinite(r.low());
    boolean above = Double.isInfinite(r.high());
    if (below || above) {
      return below && above ? tail : below ? r.high() - tail : r.low() + tail;
    }
    // A float nearest to a bound that is none may lie outside: stay inside by a little.
    return r.low() + (r.high() - r.low()) * (0.001 + 0.998 * uniform);
  }

  private static void fill(NdArray array, Random random, Distribution distribution) {
    float[] data = array.floats();
    for (int i = 0; i < data.length; i++) {
      data[i] =
          switch (distribution) {
            case INTEGERS -> random.nextInt(5) == 0 ? random.nextInt(5) - 2 : 0;
            case OUTLIER -> {
              double x = random.nextGaussian();
              yield (float) (random.nextInt(1000) == 0 ? 10 * x : x);
            }
            default -> (float) random.nextGaussian();
          };
    }
  }

  private static void scale(NdArray array, float factor) {
    for (int i = 0; i < array.floats().length; i++) {
      array.floats()[i] *= factor;
    }
  }

  private static void repeatFirstKey(NdArray k, Shape s) {
    int key = s.kvHeads() * s.headDim().qk();
    for (int b = 0; b < s.batch(); b++) {
      int first = b * s.kvSeq() * key;
      for (int kv = 1; kv < s.kvSeq(); kv++) {
        System.arraycopy(k.floats(), first, k.floats(), first + kv * key, key);
      }
    }
  }

  /** Gives scores the trend from −8 to 8 along the keys, with noise of standard deviation 0.5. */
  private static void slope(NdArray q, NdArray k, Shape s, int sign) {
    for (int i = 0; i < q.floats().length; i++) {
      q.floats()[i] = 1 + 0.1f * q.floats()[i];
    }
    int d = s.headDim().qk();
    int key = s.kvHeads() * d;
    for (int i = 0; i < k.floats().length; i++) {
      int kv = i / key % s.kvSeq();
      double trend = (16.0 * kv / Math.max(1, s.kvSeq() - 1) - 8) / Math.sqrt(d);
      k.floats()[i] = (float) (0.5 * k.floats()[i] + sign * trend);
    }
  }

  private static void round(float[] data, Dtype dtype) {
    for (int i = 0; i < data.length; i++) {
      data[i] = dtype.round(data[i]);
    }
  }
}
