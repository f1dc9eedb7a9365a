package dev.attune.compiler.check;

import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Expr.At;
import dev.attune.compiler.spec.Expr.Size;
import dev.attune.dsl.diagnostic.Code;
import dev.attune.dsl.diagnostic.Diagnostic;
import dev.attune.dsl.syntax.Expression;
import java.util.List;
import java.util.Map;

/** Finds indices that are provably outside their tensor. */
final class Indexing {
  private final Problems problems;
  private final Ranges ranges;

  Indexing(Problems problems, Ranges ranges) {
    this.problems = problems;
    this.ranges = ranges;
  }

  /** Whether no index is outside for every element; warns of one that is for the last or first. */
  boolean inside(Expression.Index use, Binding.Tensor tensor, List<Expr> indices, Env env) {
    if (env.generic() || env.moved()) {
      return true;
    }
    boolean inside = true;
    for (int d = 0; d < indices.size(); d++) {
      Expr extent = tensor.decl().shape().get(d);
      Interval index = ranges.of(indices.get(d));
      Affine beyond = Affine.of(indices.get(d)).plus(Affine.of(extent), -1);
      Diagnostic place =
          Diagnostic.at(
                  use.indices().get(d).span(),
                  Code.INDEX_OUTSIDE,
                  "this index of '%s' is always outside its dimension"
                      .formatted(tensor.decl().name()))
              .also(tensor.at(), "declared here");
      if (index.high() < 0) {
        problems.add(env, place.label("always negative"));
        inside = false;
      } else if (beyond.range(ranges).low() >= 0) {
        problems.add(env, place.label("never below the extent"));
        inside = false;
      } else if (leavesAtEnd(beyond)) {
        problems.add(
            env,
            Diagnostic.at(
                    use.indices().get(d).span(),
                    Code.INDEX_MAY_LEAVE,
                    "this index leaves '%s' at the last position".formatted(tensor.decl().name()))
                .also(tensor.at(), "declared here")
                .note("an index outside reads the nearest element")
                .help("make the tensor longer, or say what is meant with min or if"));
      }
    }
    return inside;
  }

  /** Whether {@code index − extent} is {@code position − its size + c} with c ≥ 1. */
  private static boolean leavesAtEnd(Affine beyond) {
    if (beyond.constant() < 1 || beyond.terms().size() != 2) {
      return false;
    }
    for (Map.Entry<Expr, Double> term : beyond.terms().entrySet()) {
      if (term.getKey() instanceof At at && term.getValue() == 1) {
        Expr size = new Size(Affine.size(at.position()));
        return Double.valueOf(-1).equals(beyond.terms().get(size));
      }
    }
    return false;
  }
}
