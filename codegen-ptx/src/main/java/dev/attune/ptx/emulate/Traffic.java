package dev.attune.ptx.emulate;

/** Counts what the accesses of a warp cost: passes over shared banks, sectors of global memory. */
final class Traffic {
  private static final int BANK_BYTES = 128;

  private Traffic() {}

  /**
   * Counts a shared access. Lanes are served in groups that together ask for 128 bytes; within a
   * group, lanes that need different words of one bank need a pass each.
   */
  static void shared(Warp warp, int mask, int base, int offset, int bytes) {
    int unit = Math.max(4, bytes);
    int lanes = BANK_BYTES / unit;
    int[] addresses = warp.ints;
    for (int first = 0; first < 32; first += lanes) {
      int group = mask >>> first & (lanes == 32 ? -1 : (1 << lanes) - 1);
      if (group != 0) {
        int passes = passes(addresses, base + first, offset, group, unit);
        warp.counters.sharedTransactions += passes;
        warp.counters.sharedConflicts += passes - 1;
      }
    }
  }

  /** Passes for up to 32 lanes, of which each asks for one unit of the bank row. */
  static int passes(int[] addresses, int base, int offset, int group, int unit) {
    int banks = BANK_BYTES / unit;
    int worst = 1;
    for (int left = group; left != 0; left &= left - 1) {
      int lane = Integer.numberOfTrailingZeros(left);
      int mine = Math.floorDiv(addresses[base + lane] + offset, unit);
      int same = 1;
      for (int before = group & ((1 << lane) - 1); before != 0; before &= before - 1) {
        int other =
            Math.floorDiv(addresses[base + Integer.numberOfTrailingZeros(before)] + offset, unit);
        if (other == mine) {
          same = 0;
          break;
        }
        if (Math.floorMod(other - mine, banks) == 0) {
          same++;
        }
      }
      worst = Math.max(worst, same);
    }
    return worst;
  }

  /** Counts the 32-byte sectors that a global access touches. */
  static void global(Warp warp, int mask, int base, long offset, int bytes, boolean load) {
    int sectors = 0;
    long previous = Long.MIN_VALUE;
    for (int left = mask; left != 0; left &= left - 1) {
      int lane = Integer.numberOfTrailingZeros(left);
      long sector = (warp.longs[base + lane] + offset) >> 5;
      if (sector != previous && !seen(warp.longs, base, offset, mask & ((1 << lane) - 1), sector)) {
        sectors += (bytes + 31) >> 5;
      }
      previous = sector;
    }
    if (load) {
      warp.counters.globalLoadSectors += sectors;
    } else {
      warp.counters.globalStoreSectors += sectors;
    }
  }

  private static boolean seen(long[] addresses, int base, long offset, int lanes, long sector) {
    for (int left = lanes; left != 0; left &= left - 1) {
      if ((addresses[base + Integer.numberOfTrailingZeros(left)] + offset) >> 5 == sector) {
        return true;
      }
    }
    return false;
  }
}
