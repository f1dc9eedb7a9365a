package dev.attune.ptx.emulate;

import java.util.Arrays;

/** The sixteen named barriers of a CTA. */
final class Barriers {
  static final int COUNT = 16;

  private final Cta cta;
  private final int warps;
  private final int[] expected = new int[COUNT];
  private final int[] arrivedThreads = new int[COUNT];
  private final long[] arrivedWarps = new long[COUNT];
  private final long[] waitingWarps = new long[COUNT];
  private final int[][] passedOn = new int[COUNT][];

  Barriers(Cta cta, int warps) {
    this.cta = cta;
    this.warps = warps;
    for (int id = 0; id < COUNT; id++) {
      passedOn[id] = cta.knowledge().vector();
    }
  }

  /** A warp arrives; it waits, too, unless it only arrives. */
  void arrive(Warp warp, int id, int count, boolean wait) {
    if (id < 0 || id >= COUNT) {
      throw new Fault(-1, "there is no barrier " + id + ", only 0 to " + (COUNT - 1));
    }
    if (count <= 0 || count % 32 != 0) {
      throw new Fault(
          -1, "barrier " + id + " with thread count " + count + ", not a multiple of 32");
    }
    if (arrivedThreads[id] == 0) {
      expected[id] = count;
    } else if (expected[id] != count) {
      throw new Fault(
          -1,
          "divergent barrier: barrier "
              + id
              + " is entered with thread count "
              + count
              + ", by another warp with "
              + expected[id]);
    }
    long bit = 1L << warp.index;
    if ((arrivedWarps[id] & bit) != 0) {
      throw new Fault(-1, "the warp arrives at barrier " + id + " twice in one phase");
    }
    arrivedWarps[id] |= bit;
    arrivedThreads[id] += 32;
    cta.knowledge().release(warp.index, warp.present(), passedOn[id]);
    if (wait) {
      waitingWarps[id] |= bit;
      warp.waitAt(id);
    }
    if (arrivedThreads[id] == count) {
      complete(id);
    }
  }

  /** The state of a barrier, for a report of a deadlock. */
  String describe(int id) {
    return arrivedThreads[id] + " of " + expected[id] + " threads have arrived";
  }

  private void complete(int id) {
    for (int w = 0; w < warps; w++) {
      if ((waitingWarps[id] >>> w & 1) != 0) {
        cta.knowledge().acquire(w, cta.warp(w).present(), passedOn[id]);
        cta.knowledge().synchronise(w);
        cta.warp(w).release();
      }
    }
    Arrays.fill(passedOn[id], 0);
    arrivedThreads[id] = 0;
    arrivedWarps[id] = 0;
    waitingWarps[id] = 0;
  }
}
