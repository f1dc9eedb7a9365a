package dev.attune.runtime.vectors;

import dev.attune.runtime.ElementType;
import dev.attune.runtime.TensorMap;
import java.util.List;

/**
 * A tensor of 2 × {@code seq} × 2 × {@code dim} elements with gaps between its rows, a little
 * behind the start of a buffer, which ends with it; and the boxes that are copied of it.
 *
 * @param boxRows rows of a box
 * @param columns of a box, which it is swizzled by: 64 or 32
 */
record TensorBox(int dim, int seq, int boxRows, int columns) {
  private static final int OFFSET = 48;
  private static final int GAP = 16;
  private static final int HEADS = 2;
  private static final int BATCH = 2;

  /** With boxes of 64 columns. */
  TensorBox(int dim, int seq, int boxRows) {
    this(dim, seq, boxRows, 64);
  }

  private int row() {
    return 2 * dim + GAP;
  }

  /** Bytes of the buffer. */
  int bytes() {
    return OFFSET + BATCH * seq * HEADS * row();
  }

  /** Bytes of a box. */
  int boxBytes() {
    return 2 * columns * boxRows;
  }

  /** The tensor map, given where the buffer lies. */
  TensorMap map(long buffer) {
    return new TensorMap(
        ElementType.BF16,
        buffer + OFFSET,
        List.of(dim, seq, HEADS, BATCH),
        List.of((long) HEADS * row(), (long) row(), (long) seq * HEADS * row()),
        List.of(columns, boxRows, 1, 1));
  }
}
