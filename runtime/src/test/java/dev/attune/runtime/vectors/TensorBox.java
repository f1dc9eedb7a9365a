package dev.attune.runtime.vectors;

import dev.attune.runtime.ElementType;
import dev.attune.runtime.TensorMap;
import java.util.List;

/**
 * A tensor of 2 × {@code seq} × 2 × {@code dim} elements with gaps between its rows, a little
 * behind the start of a buffer, which ends with it; and the boxes that are copied of it.
 *
 * @param boxRows rows of a box
 */
record TensorBox(int dim, int seq, int boxRows) {
  /** Columns of a box. */
  static final int COLUMNS = 64;

  private static final int OFFSET = 48;
  private static final int GAP = 16;
  private static final int HEADS = 2;
  private static final int BATCH = 2;

  private int row() {
    return 2 * dim + GAP;
  }

  /** Bytes of the buffer. */
  int bytes() {
    return OFFSET + BATCH * seq * HEADS * row();
  }

  /** Bytes of a box. */
  int boxBytes() {
    return 2 * COLUMNS * boxRows;
  }

  /** The tensor map, given where the buffer lies. */
  TensorMap map(long buffer) {
    return new TensorMap(
        ElementType.BF16,
        buffer + OFFSET,
        List.of(dim, seq, HEADS, BATCH),
        List.of((long) HEADS * row(), (long) row(), (long) seq * HEADS * row()),
        List.of(COLUMNS, boxRows, 1, 1));
  }
}
