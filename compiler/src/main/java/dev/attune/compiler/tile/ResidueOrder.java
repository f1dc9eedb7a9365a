package dev.attune.compiler.tile;

import dev.attune.compiler.analysis.Residues;
import dev.attune.compiler.spec.Shape;
import java.util.List;
import java.util.function.Function;
import java.util.stream.LongStream;

/**
 * The order of the items of residue classes: that of a dense batch with an element for each class,
 * those of one sequence side by side, all as long as the longest. An item without rows is none.
 */
public record ResidueOrder(List<WorkOrder.Item> all) implements Work {
  public ResidueOrder {
    all = List.copyOf(all);
  }

  /**
   * The order of a launch.
   *
   * @param rows of an item
   * @param order of a dense batch of some shape
   */
  static ResidueOrder of(long step, int rows, Shape shape, Function<Shape, WorkOrder> order) {
    WorkOrder dense = order.apply(Residues.items(step, shape));
    int classes = Residues.classes(step, shape.seq());
    return new ResidueOrder(
        LongStream.range(0, dense.items())
            .mapToObj(dense::item)
            .map(
                i ->
                    new WorkOrder.Item(
                        i.batch() / classes, i.head(), i.tile(), i.batch() % classes))
            .filter(i -> i.tile() * rows < Residues.length(step, shape.seq(), i.residue()))
            .toList());
  }

  @Override
  public long items() {
    return all.size();
  }

  @Override
  public WorkOrder.Item item(long number) {
    return all.get(Math.toIntExact(number));
  }
}
