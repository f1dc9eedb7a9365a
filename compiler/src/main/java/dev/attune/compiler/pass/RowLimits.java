package dev.attune.compiler.pass;

import dev.attune.compiler.analysis.FullKeys;
import dev.attune.compiler.analysis.KvBounds;
import dev.attune.compiler.spec.Clause;
import dev.attune.compiler.tile.Op;
import dev.attune.compiler.tile.TileKernel;
import java.util.List;

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

  private RowLimits() {}

  private static TileKernel rewrite(TileKernel kernel) {
    return KvBounds.ofRow(kernel.spec())
        .map(limits -> kernel.withBody(limited(kernel.body(), limits)))
        .orElse(kernel);
  }

  private static List<Op> limited(List<Op> ops, FullKeys.Between limits) {
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
