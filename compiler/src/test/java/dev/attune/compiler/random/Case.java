package dev.attune.compiler.random;

import dev.attune.compiler.reference.Inputs;
import dev.attune.compiler.reference.Inputs.Distribution;
import dev.attune.compiler.reference.Problem;
import dev.attune.compiler.reference.RowId;
import dev.attune.compiler.reference.Unfused;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Bindings;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.Normalization;
import dev.attune.compiler.spec.ParamDecl;
import dev.attune.compiler.spec.Shape;
import java.util.Arrays;
import java.util.Map;
import java.util.Objects;

/**
 * A spec and a problem for it. {@code toString} is the {@code .attn} file and the command that runs
 * the case.
 *
 * @param params a value for each parameter of the spec
 * @param distribution of Q, K and V; the command draws NORMAL ones
 * @param seed of the contents of all tensors
 */
public record Case(
    AttentionSpec spec,
    Dtype dtype,
    Shape shape,
    double scale,
    Map<String, Double> params,
    Distribution distribution,
    long seed) {

  /** The problem, its tensors drawn from the seed. */
  public Problem problem() {
    Bindings sizes = new Bindings(shape, scale, params, Map.of());
    Bindings bindings = new Bindings(shape, scale, params, Inputs.tensors(spec, sizes, seed));
    return Inputs.problem(spec, bindings, dtype, distribution, seed);
  }

  /** Whether the dtype can hold P and O: weights without normalisation may be too large for f16. */
  public boolean representable() {
    if (spec.normalization() instanceof Normalization.Softmax) {
      return true;
    }
    Unfused unfused = new Unfused(problem(), Unfused.Scores.DTYPE);
    return unfused.rows(RowId.all(shape)).stream()
        .allMatch(row -> Arrays.stream(row).allMatch(Double::isFinite));
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
      double value = Objects.requireNonNull(params.get(p.name()), p.name());
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
    return "\n"
        + attn()
        + command()
        + (distribution == Distribution.NORMAL ? "" : "\nbut with " + distribution + " inputs")
        + "\n";
  }
}
