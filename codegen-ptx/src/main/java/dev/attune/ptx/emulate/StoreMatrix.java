package dev.attune.ptx.emulate;

/**
 * {@code stmatrix.m8n8.b16}: lanes 8i to 8i + 7 give the addresses of the rows of matrix i, 16
 * bytes each. Lane l provides elements 2(l mod 4) and 2(l mod 4) + 1 of row l / 4; transposed, of
 * column l / 4.
 */
final class StoreMatrix extends Instruction {
  private final int[] sources;
  private final boolean transposed;
  private final int base;
  private final int offset;

  StoreMatrix(Header header, int[] sources, boolean transposed, int base, int offset) {
    super(header);
    this.sources = sources;
    this.transposed = transposed;
    this.base = base;
    this.offset = offset;
  }

  @Override
  boolean convergent() {
    return true;
  }

  @Override
  void execute(Warp warp, int mask) {
    if (!warp.gathered(-1, "stmatrix")) {
      return;
    }
    SharedMemory memory = warp.cta.shared();
    int[] r = warp.ints;
    for (int matrix = 0; matrix < sources.length; matrix++) {
      int rows = base + (8 * matrix);
      int passes = Traffic.passes(r, rows, offset, 0xFF, 16);
      warp.counters.sharedTransactions += passes;
      warp.counters.sharedConflicts += passes - 1;
      for (int row = 0; row < 8; row++) {
        int address = r[rows + row] + offset;
        memory.checkWrite(warp.index, SharedMemory.MANY_LANES, address, 16);
        memory.written(warp.index, SharedMemory.MANY_LANES, address, 16);
        for (int pair = 0; pair < 4; pair++) {
          memory.setWord(address + (4 * pair), pair(r, sources[matrix], row, pair));
        }
      }
    }
  }

  /** Elements {@code 2·pair} and {@code 2·pair + 1} of a row. */
  private int pair(int[] r, int source, int row, int pair) {
    if (!transposed) {
      return r[source + (4 * row) + pair];
    }
    return half(r, source, 2 * pair, row) | half(r, source, (2 * pair) + 1, row) << 16;
  }

  /** The element that lies in that row of the transposed matrix. */
  private static int half(int[] r, int source, int row, int column) {
    return r[source + (4 * row) + (column >> 1)] >>> (16 * (column & 1)) & 0xFFFF;
  }
}
