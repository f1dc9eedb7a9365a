package dev.attune.ptx.emulate;

/**
 * A box of a tensor and its place in shared memory, where its rows lie one after another, swizzled
 * by their addresses.
 */
final class TensorBox {
  private final TensorMap map;
  private final int[] corner;
  private final int shared;
  private final int rowBytes;
  private final int rows;

  /** Columns of a row that lie in the tensor: from the first to before the end. */
  private final int first;

  private final int end;

  /**
   * @param corner coordinates of the first element, which may lie outside the tensor
   */
  TensorBox(TensorMap map, int[] corner, int shared, int lane) {
    if (corner.length != map.rank()) {
      throw new Fault(
          lane,
          "tensor map: %d coordinates for a map of rank %d".formatted(corner.length, map.rank()));
    }
    this.map = map;
    this.corner = corner;
    this.shared = shared;
    this.rowBytes = map.box().get(0) * map.elementBytes();
    this.rows = map.boxBytes() / rowBytes;
    this.first = (int) Math.min(map.box().get(0), Math.max(0, -(long) corner[0]));
    this.end = (int) Math.max(first, Math.min(map.box().get(0), map.dims().get(0) - corner[0]));
    int alignment = Math.max(128, 8 * map.swizzle().span());
    if ((shared & (alignment - 1)) != 0) {
      throw new Fault(
          lane,
          "misaligned: bulk tensor copy with shared address "
              + shared
              + ", which must be a multiple of "
              + alignment);
    }
  }

  int shared() {
    return shared;
  }

  int bytes() {
    return rows * rowBytes;
  }

  private int rowBytesInside() {
    return (end - first) * map.elementBytes();
  }

  /** Address of the first element of a row that lies in the tensor; −1 if none does. */
  private long address(int row) {
    if (first == end) {
      return -1;
    }
    long address = map.address() + ((long) (corner[0] + first) * map.elementBytes());
    int rest = row;
    for (int d = 1; d < corner.length; d++) {
      long at = corner[d] + (long) (rest % map.box().get(d));
      rest /= map.box().get(d);
      if (at < 0 || at >= map.dims().get(d)) {
        return -1;
      }
      address += at * map.strides().get(d - 1);
    }
    return address;
  }

  private int place(int row, int column) {
    return map.swizzle().place(shared + (row * rowBytes) + column);
  }

  /** Checks that the tensor may be read; returns the sectors of 32 bytes that this takes. */
  int checkLoad(GlobalMemory global, int cta, int lane) {
    int sectors = 0;
    for (int row = 0; row < rows; row++) {
      long address = address(row);
      if (address >= 0) {
        int size = rowBytesInside();
        global.checkRead(cta, lane, address, size, map.elementBytes());
        sectors += (int) (((address + size - 1) >> 5) - (address >> 5)) + 1;
      }
    }
    return sectors;
  }

  /** Copies from the tensor; what lies outside of it becomes zero. */
  void load(GlobalMemory global, SharedMemory memory, int lane) {
    int element = map.elementBytes();
    for (int row = 0; row < rows; row++) {
      long address = address(row);
      for (int column = 0; column < rowBytes; column += 4) {
        int word = 0;
        for (int k = 0; address >= 0 && k < 4; k += element) {
          int inside = column + k - (first * element);
          if (inside >= 0 && inside < rowBytesInside()) {
            if (k == 0 && (address + inside & 3) == 0 && inside + 4 <= rowBytesInside()) {
              word = global.load(lane, address + inside, 4);
              break;
            }
            word |= global.load(lane, address + inside, element) << (8 * k);
          }
        }
        memory.setWord(place(row, column), word);
      }
    }
  }

  /** Checks that a thread may read in shared memory what lies in the tensor. */
  void checkSource(SharedMemory memory, int warp, int lane) {
    for (int row = 0; row < rows; row++) {
      if (address(row) >= 0) {
        for (int column = first * map.elementBytes() & -16;
            column < end * map.elementBytes();
            column += 16) {
          memory.checkAsyncSource(warp, lane, place(row, column), 16);
        }
      }
    }
  }

  /** Records the store; returns the sectors of 32 bytes that it takes. */
  int checkStore(GlobalMemory global, int cta, int lane) {
    int sectors = 0;
    for (int row = 0; row < rows; row++) {
      long address = address(row);
      if (address < 0) {
        continue;
      }
      long stop = address + rowBytesInside();
      sectors += (int) (((stop - 1) >> 5) - (address >> 5)) + 1;
      for (long at = address; at < stop; ) {
        int size = (at & 15) == 0 && at + 16 <= stop ? 16 : map.elementBytes();
        global.beginStore(cta, lane, at, size);
        at += size;
      }
    }
    return sectors;
  }

  /** The contents in shared memory, row after row. */
  int[] read(SharedMemory memory) {
    int[] words = new int[bytes() / 4];
    for (int i = 0; i < words.length; i++) {
      words[i] = memory.word(place(0, 4 * i));
    }
    return words;
  }

  /** Copies what lies in the tensor to it. */
  void write(GlobalMemory global, int[] words, int lane) {
    int element = map.elementBytes();
    for (int row = 0; row < rows; row++) {
      long address = address(row);
      for (int at = 0; address >= 0 && at < rowBytesInside(); ) {
        int from = (row * rowBytes) + (first * element) + at;
        boolean whole = (from & 3) == 0 && (address + at & 3) == 0 && at + 4 <= rowBytesInside();
        int size = whole ? 4 : element;
        global.store(lane, address + at, size, words[from >> 2] >>> (8 * (from & 3)));
        at += size;
      }
    }
  }
}
