package dev.attune.ptx.emulate;

import java.util.SplittableRandom;

/** One CTA while it runs: its warps take turns on one host thread. */
final class Cta {
  private static final int TURN = 256;

  private final Launch launch;
  private final int number;
  private final Counters counters = new Counters();
  private final SharedMemory shared;
  private final Barriers barriers;
  private final Warp[] warps;
  private final Warpgroup[] warpgroups;
  private final SplittableRandom random;

  Cta(Launch launch, int number) {
    this.launch = launch;
    this.number = number;
    int threads = launch.config().block().count();
    int count = Math.ceilDiv(threads, 32);
    this.random = new SplittableRandom(launch.config().options().seed() * 0x9E37_79B9L + number);
    this.shared =
        new SharedMemory(this, launch.sharedBytes(), launch.program().sharedGranule(), count);
    this.barriers = new Barriers(this, count);
    this.warps = new Warp[count];
    this.warpgroups = new Warpgroup[Math.ceilDiv(count, 4)];
    for (int w = 0; w < count; w++) {
      warps[w] = new Warp(this, w, Math.min(32, threads - (w * 32)), random.split());
    }
    for (int g = 0; g < warpgroups.length; g++) {
      warpgroups[g] = new Warpgroup(this, g);
    }
  }

  Launch launch() {
    return launch;
  }

  int number() {
    return number;
  }

  int x() {
    return number % launch.config().grid().x();
  }

  int y() {
    return number / launch.config().grid().x() % launch.config().grid().y();
  }

  int z() {
    Dim3 grid = launch.config().grid();
    return number / (grid.x() * grid.y());
  }

  int warpCount() {
    return warps.length;
  }

  Warp warp(int index) {
    return warps[index];
  }

  /** The warpgroup that a warp belongs to. */
  Warpgroup warpgroup(Warp warp) {
    return warpgroups[warp.index / 4];
  }

  Counters counters() {
    return counters;
  }

  SharedMemory shared() {
    return shared;
  }

  Barriers barriers() {
    return barriers;
  }

  /** Runs all warps to their end. */
  void run() {
    switch (launch.config().options().warps()) {
      case ROUND_ROBIN -> inTurn(false);
      case REVERSE -> inTurn(true);
      case RANDOM -> atRandom();
      case STARVED -> starving(random.nextInt(warps.length));
    }
  }

  private void inTurn(boolean reverse) {
    boolean progress = true;
    while (progress) {
      progress = false;
      for (int i = 0; i < warps.length; i++) {
        progress |= turn(warps[reverse ? warps.length - 1 - i : i], TURN);
      }
    }
    checkFinished();
  }

  private void atRandom() {
    int[] stalled = new int[warps.length];
    while (true) {
      int runnable = 0;
      for (Warp warp : warps) {
        runnable += warp.runnable() ? 1 : 0;
      }
      if (runnable == 0) {
        checkFinished();
        return;
      }
      int chosen = random.nextInt(warps.length);
      if (stalled[chosen] > 0) {
        stalled[chosen]--;
      } else if (turn(warps[chosen], 1 + random.nextInt(64)) && random.nextInt(32) == 0) {
        stalled[chosen] = random.nextInt(64);
      }
    }
  }

  private void starving(int victim) {
    boolean progress = true;
    while (progress) {
      progress = false;
      for (int w = 0; w < warps.length; w++) {
        if (w != victim) {
          progress |= turn(warps[w], TURN);
        }
      }
      if (!progress) {
        progress = turn(warps[victim], 1);
      }
    }
    checkFinished();
  }

  private boolean turn(Warp warp, int instructions) {
    if (!warp.runnable()) {
      return false;
    }
    warp.run(instructions);
    launch.checkStopped(this);
    long limit = launch.config().options().instructionLimit();
    if (counters.warpInstructions > limit) {
      throw new EmulationException(
          "hang: CTA "
              + place()
              + " has executed more than "
              + limit
              + " warp instructions"
              + positions());
    }
    return true;
  }

  private void checkFinished() {
    for (Warp warp : warps) {
      if (!warp.finished()) {
        throw new EmulationException(
            "deadlock: no warp of CTA " + place() + " can go on" + positions());
      }
    }
  }

  private String place() {
    return "(" + x() + ", " + y() + ", " + z() + ")";
  }

  private String positions() {
    StringBuilder text = new StringBuilder();
    for (Warp warp : warps) {
      text.append("\n  ").append(warp.position());
    }
    return text.toString();
  }
}
