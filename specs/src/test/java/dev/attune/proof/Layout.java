package dev.attune.proof;

/** Where the elements of Q, K, V and O lie. Distances are whole chunks of 8 elements. */
enum Layout {
  /** Row-major [B, S, H, D]. */
  CONTIGUOUS,
  /** Row-major, 16 bytes after a multiple of 256. */
  SHIFTED,
  /** Row-major [B, H, S, D], read as [B, S, H, D]. */
  HEADS_FIRST,
  /** Row-major [S, B, H, D], read as [B, S, H, D]. */
  POSITIONS_FIRST,
  /** Gaps after every row, position and batch element. */
  PADDED,
  /** Row-major; strides along axes of extent 1 are what they never may be elsewhere. */
  GARBAGE;

  /** Distances in elements for the extents [B, S, H, D]. */
  long[] strides(int... shape) {
    long batch = Math.max(1, shape[0]);
    long seq = Math.max(1, shape[1]);
    long heads = Math.max(1, shape[2]);
    long dim = shape[3];
    return switch (this) {
      case CONTIGUOUS, SHIFTED -> new long[] {seq * heads * dim, heads * dim, dim, 1};
      case HEADS_FIRST -> new long[] {heads * seq * dim, dim, seq * dim, 1};
      case POSITIONS_FIRST -> new long[] {heads * dim, batch * heads * dim, dim, 1};
      case PADDED -> {
        long row = dim + 8;
        long position = heads * row + 16;
        yield new long[] {seq * position + 40, position, row, 1};
      }
      case GARBAGE -> {
        long[] strides = CONTIGUOUS.strides(shape);
        long[] garbage = {3331333, 99990001, -7};
        for (int axis = 0; axis < 3; axis++) {
          strides[axis] = shape[axis] == 1 ? garbage[axis] : strides[axis];
        }
        yield strides;
      }
    };
  }

  /** Bytes from a multiple of 256 to the first element. */
  int offset() {
    return this == SHIFTED ? 16 : 0;
  }
}
