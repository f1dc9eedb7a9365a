package dev.attune.compiler.pass;

import dev.attune.compiler.analysis.FullKeys;
import dev.attune.compiler.analysis.KvBounds;
import dev.attune.compiler.spec.Clause;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.Position;
import dev.attune.compiler.tile.Op;
import dev.attune.compiler.tile.TileKernel;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Where the live keys of a row are those between two limits, a mask compares each key with them
 * instead of testing the predicate.
 */
final class RowLimits {
  static final Pass PASS =
      new Pass(
          "row-limits",
          "a mask that is one range of keys per row becomes a pair of limits per row",
          RowLimits::rewrite);

  private static final Expr ROW = new Expr.At(Position.Q);

  private RowLimits() {}

  private static TileKernel rewrite(TileKernel kernel) {
    return limits(kernel).map(l -> kernel.withBody(limited(kernel.body(), l))).orElse(kernel);
  }

  private record Limits(Optional<Expr> first, Optional<Expr> last) {}

  /**
   * The keys of one row. For a tile of one row, which the variable then stands for, the keys that
   * contain all live ones and the keys that are all live are the same where the mask is a range.
   */
  private static Optional<Limits> limits(TileKernel kernel) {
    Expr mask = Exprs.substitute(kernel.spec().mask().expr(), Map.of(ROW, KvBounds.Q_FIRST));
    KvBounds bounds = KvBounds.solve(kernel.spec(), mask);
    boolean exact =
        bounds.full().equals(new FullKeys.Between(bounds.visitFirst(), bounds.visitLast()));
    return exact
        ? Optional.of(new Limits(ofRow(bounds.visitFirst()), ofRow(bounds.visitLast())))
        : Optional.empty();
  }

  private static Optional<Expr> ofRow(Optional<Expr> limit) {
    return limit.map(e -> Exprs.substitute(e, Map.of(KvBounds.Q_FIRST, ROW)));
  }

  private static List<Op> limited(List<Op> ops, Limits limits) {
    return ops.stream()
        .map(
            op ->
                switch (op) {
                  case Op.For loop -> loop.withBody(limited(loop.body(), limits));
                  case Op.Mask mask ->
                      new Op.Limit(
                          mask.out(),
                          mask.in(),
                          limits.first().map(e -> new Clause(e, mask.predicate().origin())),
                          limits.last().map(e -> new Clause(e, mask.predicate().origin())),
                          mask.otherwise(),
                          mask.index());
                  default -> op;
                })
        .toList();
  }
}
