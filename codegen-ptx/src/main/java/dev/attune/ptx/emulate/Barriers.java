package dev.attune.ptx.emulate;

/**
 * The sixteen named barriers of a CTA, and the clocks by which the race check orders accesses. Warp
 * w knows of warp v's accesses up to {@code clock[w][v]}; {@code clock[w][w]} is the time of w's
 * own accesses and advances with each synchronisation that w takes part in.
 */
final class Barriers {
  static final int COUNT = 16;

  private final Cta cta;
  private final int warps;
  private final int[][] clock;
  private final int[] expected = new int[COUNT];
  private final int[] arrivedThreads = new int[COUNT];
  private final long[] arrivedWarps = new long[COUNT];
  private final long[] waitingWarps = new long[COUNT];
  private final int[][] knowledge;

  Barriers(Cta cta, int warps) {
    this.cta = cta;
    this.warps = warps;
    this.clock = new int[warps][warps];
    for (int w = 0; w < warps; w++) {
      clock[w][w] = 1;
    }
    this.knowledge = new int[COUNT][warps];
  }

  /** What each warp's accesses are known up to by this warp. */
  int[] clock(int warp) {
    return clock[warp];
  }

  void tick(int warp) {
    if (++clock[warp][warp] >= SharedMemory.CLOCK_LIMIT) {
      throw new Fault(-1, "more synchronisations than the race check can count");
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
    int[] own = clock[warp.index];
    for (int v = 0; v < warps; v++) {
      knowledge[id][v] = Math.max(knowledge[id][v], own[v]);
    }
    tick(warp.index);
    if (wait) {
      waitingWarps[id] |= bit;
      warp.waitAt(id);
    }
    if (arrivedThreads[id] == count) {
      complete(id);
    }
  }

  private void complete(int id) {
    for (int w = 0; w < warps; w++) {
      if ((waitingWarps[id] >>> w & 1) != 0) {
        for (int v = 0; v < warps; v++) {
          clock[w][v] = Math.max(clock[w][v], knowledge[id][v]);
        }
        cta.warp(w).release();
      }
    }
    java.util.Arrays.fill(knowledge[id], 0);
    arrivedThreads[id] = 0;
    arrivedWarps[id] = 0;
    waitingWarps[id] = 0;
  }
}
