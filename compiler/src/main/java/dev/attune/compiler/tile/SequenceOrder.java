package dev.attune.compiler.tile;

import java.util.List;

/**
 * The order of the items of a batch whose sequences have their own lengths: those of one sequence
 * after those of the one before it, each sequence in the order of a launch of it alone. A sequence
 * without queries has none.
 */
public record SequenceOrder(List<WorkOrder> sequences) implements Work {
  public SequenceOrder {
    sequences = List.copyOf(sequences);
  }

  @Override
  public long items() {
    return sequences.stream().mapToLong(WorkOrder::items).sum();
  }

  @Override
  public WorkOrder.Item item(long number) {
    long left = number;
    for (int b = 0; b < sequences.size(); b++) {
      WorkOrder order = sequences.get(b);
      if (left < order.items()) {
        WorkOrder.Item item = order.item(left);
        return new WorkOrder.Item(b, item.head(), item.tile());
      }
      left -= order.items();
    }
    throw new IllegalArgumentException("item " + number + " of " + items());
  }
}
