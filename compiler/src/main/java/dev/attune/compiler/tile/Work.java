package dev.attune.compiler.tile;

import dev.attune.compiler.spec.Bindings;
import dev.attune.compiler.spec.Eval;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Shape;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.IntStream;

/** All items of a launch, numbered. */
public sealed interface Work permits WorkOrder, SequenceOrder, ResidueOrder {

  /** How many items there are. */
  long items();

  /**
   * An item.
   *
   * @param number in [0, {@link #items})
   */
  WorkOrder.Item item(long number);

  /**
   * The work of a batch: dense, of sequences of their own lengths, or of residue classes.
   *
   * @param order of a dense batch of some shape
   */
  static Work of(TileKernel kernel, Bindings bindings, Function<Shape, WorkOrder> order) {
    Shape s = bindings.shape();
    Optional<Expr> step = kernel.spec().step();
    if (step.isPresent()) {
      return ResidueOrder.of(new Eval(bindings).integer(step.get()), kernel.rows(), s, order);
    }
    return bindings
        .lengths()
        .<Work>map(
            lengths ->
                new SequenceOrder(
                    IntStream.range(0, s.batch())
                        .mapToObj(
                            b ->
                                new Shape(
                                    1,
                                    s.heads(),
                                    s.kvHeads(),
                                    bindings.queries(b),
                                    bindings.keys(b),
                                    s.headDim()))
                        .map(order)
                        .toList()))
        .orElseGet(() -> order.apply(s));
  }
}
