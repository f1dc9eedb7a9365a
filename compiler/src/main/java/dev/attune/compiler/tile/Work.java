package dev.attune.compiler.tile;

import dev.attune.compiler.analysis.Residues;
import dev.attune.compiler.spec.Bindings;
import dev.attune.compiler.spec.Eval;
import dev.attune.compiler.spec.Shape;
import java.util.function.Function;
import java.util.stream.IntStream;

/** All items of a launch, numbered. */
public sealed interface Work permits WorkOrder, SequenceOrder {

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
    if (bindings.lengths().isEmpty() && kernel.spec().step().isEmpty()) {
      return order.apply(s);
    }
    long step = kernel.spec().step().map(new Eval(bindings)::integer).orElse(1L);
    int classes = Residues.classes(step, s.seq());
    return new SequenceOrder(
        IntStream.range(0, s.batch() * classes)
            .mapToObj(
                i ->
                    new Shape(
                        1,
                        s.heads(),
                        s.kvHeads(),
                        Residues.length(step, bindings.queries(i / classes), i % classes),
                        Residues.length(step, bindings.keys(i / classes), i % classes),
                        s.headDim()))
            .map(order)
            .toList(),
        classes);
  }
}
