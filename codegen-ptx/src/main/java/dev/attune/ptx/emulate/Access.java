package dev.attune.ptx.emulate;

/** Loads and stores of global and shared memory. */
final class Access extends Instruction {
  private final boolean load;
  private final boolean shared;
  private final int elementBytes;
  private final boolean signed;
  private final int[] values;
  private final boolean wide;
  private final int base;
  private final long offset;

  /**
   * @param values offsets of the registers, one for each element; negative for the sink {@code _}
   * @param wide whether they are 64-bit registers
   * @param base offset of the address register: 64-bit for global, 32-bit for shared memory
   */
  Access(
      Header header,
      boolean load,
      boolean shared,
      int elementBytes,
      boolean signed,
      int[] values,
      boolean wide,
      int base,
      long offset) {
    super(header);
    this.load = load;
    this.shared = shared;
    this.elementBytes = elementBytes;
    this.signed = signed;
    this.values = values;
    this.wide = wide;
    this.base = base;
    this.offset = offset;
  }

  @Override
  void execute(Warp warp, int mask) {
    int bytes = elementBytes * values.length;
    if (shared) {
      Traffic.shared(warp, mask, base, (int) offset, bytes);
      SharedMemory memory = warp.cta.shared();
      for (int left = mask; left != 0; left &= left - 1) {
        int lane = Integer.numberOfTrailingZeros(left);
        int address = warp.ints[base + lane] + (int) offset;
        if (load) {
          memory.checkRead(warp.index, lane, lane, address, bytes);
        } else {
          memory.checkWrite(warp.index, lane, address, bytes);
          memory.written(warp.index, lane, address, bytes);
        }
        move(warp, lane, address);
      }
    } else {
      Traffic.global(warp, mask, base, offset, bytes, load);
      GlobalMemory memory = warp.cta.launch().global();
      int cta = warp.cta.number();
      for (int left = mask; left != 0; left &= left - 1) {
        int lane = Integer.numberOfTrailingZeros(left);
        long address = warp.longs[base + lane] + offset;
        if (load) {
          memory.checkRead(cta, lane, address, bytes, bytes);
        } else {
          memory.beginStore(cta, lane, address, bytes);
        }
        move(warp, lane, address);
      }
    }
  }

  private void move(Warp warp, int lane, long address) {
    for (int i = 0; i < values.length; i++) {
      long at = address + ((long) i * elementBytes);
      if (values[i] < 0) {
        continue;
      }
      int slot = values[i] + lane;
      if (load) {
        long value = get(warp, lane, at);
        if (wide) {
          warp.longs[slot] = value;
        } else {
          warp.ints[slot] = (int) value;
        }
      } else {
        put(warp, lane, at, wide ? warp.longs[slot] : warp.ints[slot]);
      }
    }
  }

  private long get(Warp warp, int lane, long at) {
    if (elementBytes == 8) {
      return (word(warp, lane, at, 4) & 0xFFFF_FFFFL) | (long) word(warp, lane, at + 4, 4) << 32;
    }
    int value = word(warp, lane, at, elementBytes);
    if (!signed) {
      return value & 0xFFFF_FFFFL;
    }
    int unused = 32 - (8 * elementBytes);
    int extended = value << unused >> unused;
    return extended;
  }

  private int word(Warp warp, int lane, long at, int size) {
    return shared
        ? warp.cta.shared().load((int) at, size)
        : warp.cta.launch().global().load(lane, at, size);
  }

  private void put(Warp warp, int lane, long at, long value) {
    if (elementBytes == 8) {
      putWord(warp, lane, at, 4, (int) value);
      putWord(warp, lane, at + 4, 4, (int) (value >>> 32));
    } else {
      putWord(warp, lane, at, elementBytes, (int) value);
    }
  }

  private void putWord(Warp warp, int lane, long at, int size, int value) {
    if (shared) {
      warp.cta.shared().store((int) at, size, value);
    } else {
      warp.cta.launch().global().store(lane, at, size, value);
    }
  }
}
