package dev.attune.compiler.pass;

import dev.attune.compiler.tile.Op;
import dev.attune.compiler.tile.Ops;
import dev.attune.compiler.tile.TileKernel;
import dev.attune.compiler.tile.Value;
import java.util.ArrayList;
import java.util.List;

/**
 * Where rows' maxima are known before a tile's scores, as for bounded scores, what makes a score of
 * a product and the exponential of it become one operation, which can do with fewer instructions
 * than the two.
 */
final class WeighScores {
  static final Pass PASS =
      new Pass(
          "weigh-scores",
          "a score and its exponential are one operation where no maximum is taken between",
          kernel -> kernel.withBody(rewrite(kernel.body(), kernel)));

  private WeighScores() {}

  private static List<Op> rewrite(List<Op> ops, TileKernel kernel) {
    List<Op> body = new ArrayList<>();
    for (Op op : ops) {
      switch (op) {
        case Op.For loop -> body.add(loop.withBody(rewrite(loop.body(), kernel)));
        case Op.Exp2 weights
            when !body.isEmpty()
                && body.getLast() instanceof Op.Map map
                && map.out().equals(weights.in())
                && !weights.guarded()
                && readers(kernel, map.out()) == 1 ->
            body.set(
                body.size() - 1,
                new Op.Weigh(
                    weights.out(),
                    map.in(),
                    map.expr(),
                    weights.factor(),
                    weights.max(),
                    map.index()));
        default -> body.add(op);
      }
    }
    return body;
  }

  private static long readers(TileKernel kernel, Value value) {
    return Ops.all(kernel.body()).filter(op -> Ops.inputs(op).contains(value)).count();
  }
}
