package dev.attune.compiler.pass;

import dev.attune.compiler.spec.Operand;
import dev.attune.compiler.tile.Op;
import dev.attune.compiler.tile.Ops;
import dev.attune.compiler.tile.Value;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The parts of one kv tile's work.
 *
 * @param key loads K
 * @param scores Q·Kᵀ
 * @param toMaximum elementwise work on the scores, and their row maxima
 * @param weights all that makes weights of them, the statistics included
 * @param scale rescales the accumulator
 * @param value loads V
 * @param output accumulates weights·V
 */
record Iteration(
    Op.Load key,
    Op.Dot scores,
    List<Op> toMaximum,
    List<Op> weights,
    Optional<Op.ScaleRows> scale,
    Op.Load value,
    Op.Dot output) {

  static Iteration of(Op.For loop) {
    Op.Load key = load(loop, Operand.K);
    Op.Load value = load(loop, Operand.V);
    Op.Dot scores = product(loop, key.out());
    Op.Dot output = product(loop, value.out());
    Optional<Op.ScaleRows> scale =
        all(loop, Op.ScaleRows.class)
            .filter(s -> output.accumulate().filter(s.out()::equals).isPresent())
            .findFirst();
    List<Op> between =
        loop.body().stream()
            .filter(op -> !(op instanceof Op.Load) && !(op instanceof Op.Dot))
            .filter(op -> scale.filter(op::equals).isEmpty())
            .toList();
    return new Iteration(
        key,
        scores,
        between.stream().filter(Iteration::leadsToMaximum).toList(),
        between.stream().filter(op -> !leadsToMaximum(op)).toList(),
        scale,
        value,
        output);
  }

  private static boolean leadsToMaximum(Op op) {
    return op instanceof Op.Map
        || op instanceof Op.Mask
        || op instanceof Op.Limit
        || op instanceof Op.RowMax;
  }

  private static Op.Load load(Op.For loop, Operand operand) {
    return all(loop, Op.Load.class)
        .filter(load -> load.operand() == operand)
        .findFirst()
        .orElseThrow();
  }

  private static Op.Dot product(Op.For loop, Value right) {
    return all(loop, Op.Dot.class).filter(dot -> dot.b().equals(right)).findFirst().orElseThrow();
  }

  private static <T extends Op> Stream<T> all(Op.For loop, Class<T> type) {
    return Ops.all(loop.body()).filter(type::isInstance).map(type::cast);
  }
}
