package dev.attune.ptx.emulate;

import java.util.Arrays;

/** The {@code cp.async} copies of one warp that have not been waited for, in order of issue. */
final class AsyncCopies {
  private static final int LATE = 1 << 30;

  private final Warp warp;
  private int count;
  private long[] source = new long[64];
  private int[] target = new int[64];

  /** Copied bytes, destination bytes and lane, 8 bits each, and whether the data is still due. */
  private int[] shape = new int[64];

  private int[] group = new int[64];

  /** Groups that each lane has committed. */
  private final int[] committed = new int[32];

  AsyncCopies(Warp warp) {
    this.warp = warp;
  }

  void issue(int lane, int to, int bytes, long from, int copied) {
    boolean late =
        switch (warp.cta.launch().config().options().async()) {
          case LATEST -> true;
          case EARLIEST -> false;
          case RANDOM -> warp.random.nextBoolean();
        };
    warp.cta.shared().beginCopy(warp.index, lane, to, bytes, late);
    if (copied > 0) {
      warp.cta.launch().global().checkRead(warp.cta.number(), lane, from, copied, bytes);
    }
    if (!late) {
      transfer(lane, to, bytes, from, copied);
    }
    if (count == target.length) {
      source = Arrays.copyOf(source, count * 2);
      target = Arrays.copyOf(target, count * 2);
      shape = Arrays.copyOf(shape, count * 2);
      group = Arrays.copyOf(group, count * 2);
    }
    source[count] = from;
    target[count] = to;
    shape[count] = copied | bytes << 8 | lane << 16 | (late ? LATE : 0);
    group[count] = committed[lane];
    count++;
    warp.counters.asyncCopies++;
  }

  void commit(int mask) {
    for (int lane = 0; lane < 32; lane++) {
      committed[lane] += mask >>> lane & 1;
    }
  }

  /** Completes all but the {@code leave} latest groups of these lanes; all copies if negative. */
  void await(int mask, int leave) {
    int kept = 0;
    for (int i = 0; i < count; i++) {
      int lane = shape[i] >>> 16 & 31;
      boolean done = (mask >>> lane & 1) != 0 && (leave < 0 || group[i] < committed[lane] - leave);
      if (done) {
        finish(i, lane);
      } else {
        source[kept] = source[i];
        target[kept] = target[i];
        shape[kept] = shape[i];
        group[kept] = group[i];
        kept++;
      }
    }
    count = kept;
  }

  private void finish(int i, int lane) {
    int bytes = shape[i] >>> 8 & 0xFF;
    if ((shape[i] & LATE) != 0) {
      transfer(lane, target[i], bytes, source[i], shape[i] & 0xFF);
    }
    warp.cta.shared().endCopy(warp.index, lane, target[i], bytes);
  }

  private void transfer(int lane, int to, int bytes, long from, int copied) {
    GlobalMemory global = warp.cta.launch().global();
    SharedMemory shared = warp.cta.shared();
    for (int i = 0; i < bytes; i += 4) {
      int present = Math.min(4, copied - i);
      int word = 0;
      if (present == 4) {
        word = global.load(lane, from + i, 4);
      } else {
        for (int k = 0; k < present; k++) {
          word |= global.load(lane, from + i + k, 1) << (8 * k);
        }
      }
      shared.setWord(to + i, word);
    }
  }
}
