package dev.attune.compiler.tile;

import java.util.List;

/**
 * The order of the items of a batch whose sequences, or residue classes of sequences, have their
 * own lengths: those of one after those of the one before it, each in the order of a launch of it
 * alone. A sequence without queries has none.
 *
 * @param sequences or classes, those of one sequence side by side
 * @param classes of a sequence; 1 where it is whole
 */
public record SequenceOrder(List<WorkOrder> sequences, int classes) implements Work {
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
    for (int i = 0; i < sequences.size(); i++) {
      WorkOrder order = sequences.get(i);
      if (left < order.items()) {
        WorkOrder.Item item = order.item(left);
        return new WorkOrder.Item(i / classes, item.head(), item.tile(), i % classes);
      }
      left -= order.items();
    }
    throw new IllegalArgumentException("item " + number + " of " + items());
  }
}
