package dev.attune.ptx.emulate;

/**
 * The shared memory of a CTA with what the race check knows of it. Accesses are told apart by
 * granules, the size of the program's smallest shared access; each granule keeps its last write
 * and, for every warp, its last read. An access is ordered after another if its warp has learnt of
 * it through barriers; lanes of one warp are ordered by {@code bar.warp.sync} or barriers, too.
 */
final class SharedMemory {
  /** Clocks fit above warp and lane in a stamp. */
  static final int CLOCK_LIMIT = 1 << 20;

  private static final int LANE_BITS = 6;
  private static final int WARP_BITS = 5;

  /** Stands for several lanes of a warp; never equal to a lane. */
  static final int MANY_LANES = 32;

  private static final int POISON = 0x7FF7_7FF7;

  private final Cta cta;
  private final int bytes;
  private final int shift;
  private final int warps;
  private final int[] words;
  private final int[] lastWrite;
  private final int[] lastRead;
  private final int[] pending;

  SharedMemory(Cta cta, int bytes, int granule, int warps) {
    this.cta = cta;
    this.bytes = bytes;
    this.shift = Integer.numberOfTrailingZeros(granule);
    this.warps = warps;
    int granules = (bytes + granule - 1) >> shift;
    this.words = new int[(bytes + 3) / 4];
    this.lastWrite = new int[granules];
    this.lastRead = new int[granules * warps];
    this.pending = new int[granules];
  }

  int word(int address) {
    return words[address >> 2];
  }

  void setWord(int address, int value) {
    words[address >> 2] = value;
  }

  /** Loads up to four bytes, zero-extended. */
  int load(int address, int size) {
    int word = words[address >> 2];
    return size == 4 ? word : word >>> (8 * (address & 3)) & ((1 << (8 * size)) - 1);
  }

  void store(int address, int size, int value) {
    if (size == 4) {
      words[address >> 2] = value;
    } else {
      int at = 8 * (address & 3);
      int mask = ((1 << (8 * size)) - 1) << at;
      words[address >> 2] = (words[address >> 2] & ~mask) | (value << at & mask);
    }
  }

  private void checkPlace(int lane, int address, int size) {
    if (address < 0 || address > bytes - size) {
      throw new Fault(
          lane,
          "out of bounds: shared access of "
              + size
              + " bytes at "
              + address
              + ", the CTA has "
              + bytes
              + " bytes");
    }
    if ((address & (size - 1)) != 0) {
      throw new Fault(lane, "misaligned: shared access of " + size + " bytes at " + address);
    }
  }

  /** A read by a lane, or by {@link #MANY_LANES}; {@code lane} is blamed. */
  void checkRead(int warp, int lane, int reader, int address, int size) {
    checkPlace(lane, address, size);
    int[] clock = cta.barriers().clock(warp);
    int now = clock[warp];
    for (int g = address >> shift; g <= (address + size - 1) >> shift; g++) {
      if (pending[g] != 0) {
        throw pendingFault(lane, g, "read");
      }
      int write = lastWrite[g];
      if (write == 0) {
        throw new Fault(
            lane, "uninitialised: shared byte " + (g << shift) + " is read but was never written");
      }
      if (!ordered(write, warp, reader, clock)) {
        throw race(lane, g, "read", "written", write);
      }
      int slot = (g * warps) + warp;
      int read = lastRead[slot];
      int mine = now << LANE_BITS | reader;
      if (read != mine) {
        lastRead[slot] = read >>> LANE_BITS == now ? now << LANE_BITS | MANY_LANES : mine;
      }
    }
  }

  /** A write by a lane. */
  void checkWrite(int warp, int lane, int address, int size) {
    checkPlace(lane, address, size);
    int[] clock = cta.barriers().clock(warp);
    for (int g = address >> shift; g <= (address + size - 1) >> shift; g++) {
      if (pending[g] != 0) {
        throw pendingFault(lane, g, "written");
      }
      int write = lastWrite[g];
      if (write != 0 && !ordered(write, warp, lane, clock)) {
        throw race(lane, g, "overwritten", "written", write);
      }
      for (int w = 0; w < warps; w++) {
        int read = lastRead[(g * warps) + w];
        if (read != 0) {
          int stamp =
              read >>> LANE_BITS << (LANE_BITS + WARP_BITS)
                  | w << LANE_BITS
                  | (read & ((1 << LANE_BITS) - 1));
          if (!ordered(stamp, warp, lane, clock)) {
            throw race(lane, g, "overwritten", "read", stamp);
          }
        }
      }
    }
  }

  /** A read of a warpgroup's tensor cores. */
  void groupRead(int warpgroup, int time, int address, int size) {
    checkPlace(-1, address, size);
    for (int g = address >> shift; g <= (address + size - 1) >> shift; g++) {
      if (lastWrite[g] == 0) {
        throw new Fault(
            -1, "uninitialised: shared byte " + (g << shift) + " is read but was never written");
      }
    }
  }

  /** Makes a lane the last writer, now. */
  void written(int warp, int lane, int address, int size) {
    int stamp =
        cta.barriers().clock(warp)[warp] << (LANE_BITS + WARP_BITS) | warp << LANE_BITS | lane;
    for (int g = address >> shift; g <= (address + size - 1) >> shift; g++) {
      lastWrite[g] = stamp;
    }
  }

  /** Marks bytes as the destination of a copy under way; the data is poison until it arrives. */
  void beginCopy(int warp, int lane, int address, int size, boolean poison) {
    checkWrite(warp, lane, address, size);
    for (int g = address >> shift; g <= (address + size - 1) >> shift; g++) {
      pending[g] = 1 + (warp << LANE_BITS | lane);
    }
    if (poison) {
      for (int i = 0; i < size; i += 4) {
        words[(address + i) >> 2] = POISON;
      }
    }
  }

  void endCopy(int warp, int lane, int address, int size) {
    for (int g = address >> shift; g <= (address + size - 1) >> shift; g++) {
      pending[g] = 0;
    }
    written(warp, lane, address, size);
  }

  private static boolean ordered(int stamp, int warp, int lane, int[] clock) {
    int byWarp = stamp >>> LANE_BITS & ((1 << WARP_BITS) - 1);
    int time = stamp >>> (LANE_BITS + WARP_BITS);
    if (byWarp != warp) {
      return time <= clock[byWarp];
    }
    int byLane = stamp & ((1 << LANE_BITS) - 1);
    return time < clock[warp] || (byLane == lane && lane != MANY_LANES);
  }

  private Fault race(int lane, int granule, String now, String before, int stamp) {
    int byLane = stamp & ((1 << LANE_BITS) - 1);
    int byWarp = stamp >>> LANE_BITS & ((1 << WARP_BITS) - 1);
    return new Fault(
        lane,
        "race: shared byte "
            + (granule << shift)
            + " is "
            + now
            + " but was "
            + before
            + " by warp "
            + byWarp
            + (byLane == MANY_LANES ? "" : ", lane " + byLane)
            + " with no barrier in between");
  }

  private Fault pendingFault(int lane, int granule, String access) {
    int owner = pending[granule] - 1;
    return new Fault(
        lane,
        "pending: shared byte "
            + (granule << shift)
            + " is "
            + access
            + " while a cp.async of warp "
            + (owner >> LANE_BITS)
            + ", lane "
            + (owner & 31)
            + " may still write it: cp.async.wait_group is missing");
  }
}
