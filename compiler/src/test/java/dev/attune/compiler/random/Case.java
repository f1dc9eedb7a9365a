package dev.attune.compiler.random;

import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Bindings;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.Eval;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.NdArray;
import dev.attune.compiler.spec.ParamDecl;
import dev.attune.compiler.spec.ScalarType;
import dev.attune.compiler.spec.Shape;
import dev.attune.compiler.spec.TensorDecl;
import java.util.Arrays;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;

/**
 * A spec and a problem for it. {@code toString} is the {@code .attn} file and the command that runs
 * the case.
 *
 * @param params a value for each parameter of the spec
 * @param seed of the contents of all tensors
 */
public record Case(
    AttentionSpec spec,
    Dtype dtype,
    Shape shape,
    double scale,
    Map<String, Double> params,
    long seed) {

  /** The values of names, with random tensors that keep the declared facts. */
  public Bindings bindings() {
    Map<String, NdArray> tensors = new TreeMap<>();
    Bindings sizes = new Bindings(shape, scale, params, Map.of());
    for (int i = 0; i < spec.tensors().size(); i++) {
      TensorDecl decl = spec.tensors().get(i);
      tensors.put(decl.name(), captured(decl, sizes, new SplittableRandom(seed * 31 + i)));
    }
    return new Bindings(shape, scale, params, tensors);
  }

  /** Q, normal and rounded to the dtype: [B, Sq, Hq, Dqk]. */
  public NdArray q() {
    return normal(1, shape.seq(), shape.heads(), shape.headDim().qk());
  }

  /** K, normal and rounded to the dtype: [B, Skv, Hkv, Dqk]. */
  public NdArray k() {
    return normal(2, shape.kvSeq(), shape.kvHeads(), shape.headDim().qk());
  }

  /** V, normal and rounded to the dtype: [B, Skv, Hkv, Dv]. */
  public NdArray v() {
    return normal(3, shape.kvSeq(), shape.kvHeads(), shape.headDim().v());
  }

  /** The spec as a file. */
  public String attn() {
    return SpecText.print(spec);
  }

  /** The command that runs the case from a file of {@link #attn}. */
  public String command() {
    StringBuilder command =
        new StringBuilder(
            "attune run %s.attn --dtype %s --head-dim %s --batch %d --heads %d --kv-heads %d --seq %d --kv-seq %d --scale %s --seed %d"
                .formatted(
                    spec.name(),
                    dtype.keyword(),
                    shape.headDim(),
                    shape.batch(),
                    shape.heads(),
                    shape.kvHeads(),
                    shape.seq(),
                    shape.kvSeq(),
                    scale,
                    seed));
    for (ParamDecl p : spec.params()) {
      double value = params.get(p.name());
      command
          .append(" --param ")
          .append(p.name())
          .append('=')
          .append(
              switch (p.type()) {
                case INT -> Long.toString((long) value);
                case FLOAT -> Double.toString(value);
                case BOOL -> Boolean.toString(value != 0);
              });
    }
    return command.toString();
  }

  @Override
  public String toString() {
    return "\n" + attn() + command() + "\n";
  }

  private NdArray normal(int which, int seq, int heads, int width) {
    SplittableRandom random = new SplittableRandom(seed * 31 - which);
    NdArray array = NdArray.floats(shape.batch(), seq, heads, width);
    float[] data = array.floats();
    for (int i = 0; i < data.length; i++) {
      data[i] = dtype.round((float) random.nextGaussian());
    }
    return array;
  }

  private static NdArray captured(TensorDecl decl, Bindings sizes, SplittableRandom random) {
    Eval eval = new Eval(sizes);
    int[] extents =
        decl.shape().stream().mapToInt((Expr e) -> Math.toIntExact(eval.integer(e))).toArray();
    int count = Math.toIntExact(NdArray.count(extents));
    ParamDecl.Range range = decl.range().orElse(new ParamDecl.Range(0, 1));
    if (decl.type() == ScalarType.FLOAT) {
      float[] data = new float[count];
      for (int i = 0; i < count; i++) {
        data[i] = (float) random.nextDouble(range.low(), range.high());
      }
      return new NdArray(extents, data);
    }
    int[] data = new int[count];
    for (int i = 0; i < count; i++) {
      data[i] = random.nextInt((int) range.low(), (int) range.high() + 1);
    }
    if (decl.nondecreasing() && count > 0) {
      int row = extents[extents.length - 1];
      for (int from = 0; from < count; from += row) {
        Arrays.sort(data, from, from + row);
      }
    }
    if (decl.type() == ScalarType.INT) {
      return new NdArray(extents, data);
    }
    byte[] bools = new byte[count];
    for (int i = 0; i < count; i++) {
      bools[i] = (byte) data[i];
    }
    return new NdArray(extents, bools);
  }
}
