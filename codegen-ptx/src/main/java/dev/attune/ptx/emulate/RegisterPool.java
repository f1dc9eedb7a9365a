package dev.attune.ptx.emulate;

import java.util.ArrayList;
import java.util.List;

/**
 * The registers of a CTA as {@code setmaxnreg} moves them between warps. A CTA that has the
 * multiprocessor to itself starts with the largest multiple of eight for each thread, at most 255,
 * that its 64 K registers allow; what warps give up, others can take.
 */
final class RegisterPool {
  private static final int REGISTERS = 65536;
  private static final int WARPGROUP = 4;

  private final int threads;
  private final int[] perThread;
  private final int[] wanted;
  private final List<List<Integer>> changes = new ArrayList<>();
  private int free;

  RegisterPool(int threads) {
    int warps = Math.ceilDiv(threads, 32);
    this.threads = threads;
    this.perThread = new int[warps];
    this.wanted = new int[warps];
    for (int w = 0; w < warps; w++) {
      perThread[w] = Math.min(255, REGISTERS / threads & -8);
      changes.add(new ArrayList<>());
    }
  }

  /** Whether a warp waits for registers. */
  boolean waits(int warp) {
    return wanted[warp] != 0;
  }

  /** A warp executes {@code setmaxnreg}. */
  void change(int warp, int count, boolean increase) {
    if (threads % (32 * WARPGROUP) != 0) {
      throw new Fault(
          -1, "setmaxnreg needs whole warpgroups of 128 threads, the CTA has " + threads);
    }
    if (increase ? count < perThread[warp] : count > perThread[warp]) {
      throw new Fault(
          -1,
          "setmaxnreg."
              + (increase ? "inc" : "dec")
              + " to "
              + count
              + " registers of a warp that has "
              + perThread[warp]);
    }
    List<Integer> mine = changes.get(warp);
    int number = mine.size();
    mine.add(count);
    int first = warp / WARPGROUP * WARPGROUP;
    for (int w = first; w < first + WARPGROUP; w++) {
      List<Integer> others = changes.get(w);
      if (others.size() > number && others.get(number) != count) {
        throw new Fault(
            -1,
            "setmaxnreg to "
                + count
                + " registers, while warp "
                + w
                + " of the warpgroup has changed to "
                + others.get(number));
      }
    }
    if (increase) {
      wanted[warp] = count;
    } else {
      free += 32 * (perThread[warp] - count);
      perThread[warp] = count;
    }
    grant();
  }

  private void grant() {
    for (int w = 0; w < wanted.length; w++) {
      int more = 32 * (wanted[w] - perThread[w]);
      if (wanted[w] != 0 && more <= free) {
        free -= more;
        perThread[w] = wanted[w];
        wanted[w] = 0;
      }
    }
  }

  /** All warps of a warpgroup must have made the same changes. */
  void checkFinished(String cta) {
    for (int w = 0; w < wanted.length; w++) {
      int first = w / WARPGROUP * WARPGROUP;
      if (!changes.get(w).equals(changes.get(first))) {
        throw new EmulationException(
            "setmaxnreg: in CTA "
                + cta
                + " warp "
                + first
                + " has executed it "
                + changes.get(first).size()
                + " times, warp "
                + w
                + " of the same warpgroup "
                + changes.get(w).size()
                + " times");
      }
    }
  }

  /** The state, for a report of a deadlock. */
  @Override
  public String toString() {
    return free + " are free";
  }
}
