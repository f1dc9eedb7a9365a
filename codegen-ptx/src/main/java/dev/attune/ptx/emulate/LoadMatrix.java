package dev.attune.ptx.emulate;

/**
 * {@code ldmatrix.m8n8.b16}: lanes 8i to 8i + 7 give the addresses of the rows of matrix i, 16
 * bytes each. Lane l receives elements 2(l mod 4) and 2(l mod 4) + 1 of row l / 4; transposed, of
 * column l / 4.
 */
final class LoadMatrix extends Instruction {
  private final int[] d;
  private final boolean transposed;
  private final int base;
  private final int offset;

  LoadMatrix(Header header, int[] d, boolean transposed, int base, int offset) {
    super(header);
    this.d = d;
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
    if (!warp.gathered(-1, "ldmatrix")) {
      return;
    }
    SharedMemory memory = warp.cta.shared();
    int[] r = warp.ints;
    for (int matrix = 0; matrix < d.length; matrix++) {
      int rows = base + (8 * matrix);
      int passes = Traffic.passes(r, rows, offset, 0xFF, 16);
      warp.counters.sharedTransactions += passes;
      warp.counters.sharedConflicts += passes - 1;
      for (int row = 0; row < 8; row++) {
        memory.checkRead(
            warp.index, (8 * matrix) + row, SharedMemory.MANY_LANES, r[rows + row] + offset, 16);
      }
    }
    // All addresses are read before a destination, which may hold them, is written.
    int[] addresses = new int[8 * d.length];
    System.arraycopy(r, base, addresses, 0, addresses.length);
    for (int matrix = 0; matrix < d.length; matrix++) {
      for (int lane = 0; lane < 32; lane++) {
        r[d[matrix] + lane] =
            transposed
                ? element(memory, addresses, matrix, 2 * (lane & 3), lane >> 2)
                    | element(memory, addresses, matrix, (2 * (lane & 3)) + 1, lane >> 2) << 16
                : memory.word(addresses[(8 * matrix) + (lane >> 2)] + offset + (4 * (lane & 3)));
      }
    }
  }

  private int element(SharedMemory memory, int[] addresses, int matrix, int row, int column) {
    int address = addresses[(8 * matrix) + row] + offset + (2 * column);
    return memory.word(address) >>> (8 * (address & 2)) & 0xFFFF;
  }
}
