package dev.attune.proof;

import static dev.attune.proof.Trial.shape;

import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Expr.At;
import dev.attune.compiler.spec.Expr.IntConst;
import dev.attune.compiler.spec.Expr.Reduce;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.ParamDecl;
import dev.attune.compiler.spec.Position;
import dev.attune.compiler.spec.ReduceOp;
import dev.attune.compiler.spec.Shape;
import dev.attune.specs.SpecLibrary;
import java.util.List;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** A small problem for every spec of the library. */
final class Catalogue {
  private static final List<String> NAMES = SpecLibrary.names();
  private static final int[] DIMS = {16, 32, 64};

  private Catalogue() {}

  /** One trial of each. */
  static List<Trial> trials() {
    return IntStream.range(0, NAMES.size()).mapToObj(Catalogue::trial).toList();
  }

  /**
   * A few tiles, or one where each pair is much work, with params as small as they are. Rows beyond
   * the keys see nothing in the variants that are aligned at the bottom right.
   */
  private static Trial trial(int i) {
    AttentionSpec spec = Kernels.library(NAMES.get(i));
    boolean unrolled = uses(spec, e -> e instanceof Reduce r && r.op() == ReduceOp.SUM);
    int batch = uses(spec, new At(Position.B)::equals) ? 2 : 1;
    int rows = (unrolled ? 67 : 137) + i % 7;
    int keys = (unrolled ? 63 : 133) + i % 5;
    Shape shape = shape(batch, 2, 1, rows, keys, DIMS[i % DIMS.length]);
    Trial trial = Trial.of(spec, List.of(Dtype.values()).get(i % 2), shape);
    for (ParamDecl p : spec.params()) {
      if (p.defaultValue() instanceof IntConst(long value)) {
        trial = trial.param(p.name(), Math.min((double) value, Math.max(0, p.range().low()) + 37));
      }
    }
    return trial.in(List.of(Layout.values()).get(i % Layout.values().length));
  }

  private static boolean uses(AttentionSpec spec, Predicate<Expr> wanted) {
    return Stream.of(spec.score(), spec.mask()).anyMatch(c -> Exprs.uses(c.expr(), wanted));
  }
}
