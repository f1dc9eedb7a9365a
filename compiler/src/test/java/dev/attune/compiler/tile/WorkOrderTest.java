package dev.attune.compiler.tile;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.attune.compiler.spec.HeadDim;
import dev.attune.compiler.spec.Shape;
import dev.attune.compiler.tile.TileKernel.Order;
import dev.attune.compiler.tile.WorkOrder.Item;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class WorkOrderTest {
  private static Shape shape(int batch, int heads, int kvHeads) {
    return new Shape(batch, heads, kvHeads, 64, 10, new HeadDim(24, 8));
  }

  private static List<Item> items(WorkOrder order) {
    return LongStream.range(0, order.items()).mapToObj(order::item).toList();
  }

  @Test
  void aSectionOfOneHeadAfterAnother() {
    WorkOrder order = new WorkOrder(shape(1, 4, 2), 2, Order.DESCENDING, 1);
    assertEquals(
        List.of(
            new Item(0, 0, 1),
            new Item(0, 1, 1),
            new Item(0, 0, 0),
            new Item(0, 1, 0),
            new Item(0, 2, 1),
            new Item(0, 3, 1),
            new Item(0, 2, 0),
            new Item(0, 3, 0)),
        items(order));
  }

  @Test
  void sectionsRunAcrossTheBatchAndTheFirstHasWhatIsLeft() {
    WorkOrder order = new WorkOrder(shape(3, 1, 1), 2, Order.ASCENDING, 2);
    assertEquals(
        List.of(
            new Item(0, 0, 0),
            new Item(0, 0, 1),
            new Item(1, 0, 0),
            new Item(2, 0, 0),
            new Item(1, 0, 1),
            new Item(2, 0, 1)),
        items(order));
  }

  /** The order as nested loops say it. */
  private static List<Item> nested(WorkOrder order) {
    Shape shape = order.shape();
    int all = shape.batch() * shape.kvHeads();
    List<Item> items = new ArrayList<>();
    int last = Math.floorDiv(all - 1, order.sectionHeads()) * order.sectionHeads();
    for (int end = all - last; end <= all; end += order.sectionHeads()) {
      for (int n = 0; n < order.queryTiles(); n++) {
        int tile = order.order() == Order.ASCENDING ? n : order.queryTiles() - 1 - n;
        for (int kv = Math.max(0, end - order.sectionHeads()); kv < end; kv++) {
          for (int g = 0; g < shape.group(); g++) {
            int head = kv % shape.kvHeads() * shape.group() + g;
            items.add(new Item(kv / shape.kvHeads(), head, tile));
          }
        }
      }
    }
    return items;
  }

  @ParameterizedTest
  @CsvSource({
    "1, 1, 1, 1, 1",
    "2, 8, 2, 3, 2",
    "3, 6, 3, 5, 4",
    "2, 12, 3, 1, 4",
    "5, 4, 4, 2, 8",
    "2, 6, 2, 0, 2",
    "0, 2, 1, 3, 1",
    "1, 7, 7, 3, 16"
  })
  void equalsNestedLoops(int batch, int heads, int kvHeads, int tiles, int section) {
    for (Order direction : Order.values()) {
      WorkOrder order = new WorkOrder(shape(batch, heads, kvHeads), tiles, direction, section);
      assertEquals(nested(order), items(order));
    }
  }

  @ParameterizedTest
  @CsvSource({
    // K and V of one head take 10 * (24 + 8) * 2 = 640 bytes.
    "0, 1",
    "639, 1",
    "640, 1",
    "1279, 1",
    "1280, 2",
    "2559, 2",
    "2560, 4",
    "5120, 8",
    "9223372036854775807, 8"
  })
  void theLargestPowerOfTwoThatFits(long bytes, int heads) {
    assertEquals(heads, WorkOrder.sectionHeads(bytes, shape(2, 6, 3)));
  }

  @Test
  void aHeadHasAtLeastOneKey() {
    Shape shape = new Shape(2, 3, 3, 64, 0, new HeadDim(24, 8));
    assertEquals(1, WorkOrder.sectionHeads(0, shape));
    assertEquals(4, WorkOrder.sectionHeads(4 * (24 + 8) * 2, shape));
  }

  /** Those of one sequence after those of the one before, and none of one without queries. */
  @Test
  void sequencesComeOneAfterAnother() {
    WorkOrder first = new WorkOrder(shape(1, 2, 1), 2, Order.DESCENDING, 1);
    WorkOrder none = new WorkOrder(shape(1, 2, 1), 0, Order.DESCENDING, 1);
    WorkOrder last = new WorkOrder(shape(1, 2, 1), 1, Order.DESCENDING, 1);
    Work work = new SequenceOrder(List.of(none, first, none, last), 1);
    assertEquals(
        List.of(
            new Item(1, 0, 1),
            new Item(1, 1, 1),
            new Item(1, 0, 0),
            new Item(1, 1, 0),
            new Item(3, 0, 0),
            new Item(3, 1, 0)),
        LongStream.range(0, work.items()).mapToObj(work::item).toList());
    assertThrows(IllegalArgumentException.class, () -> work.item(6));
  }

  @Test
  void thereIsNoItemPastTheLast() {
    WorkOrder order = new WorkOrder(shape(1, 1, 1), 2, Order.ASCENDING, 1);
    assertThrows(IllegalArgumentException.class, () -> order.item(2));
    assertThrows(IllegalArgumentException.class, () -> order.item(-1));
  }
}
