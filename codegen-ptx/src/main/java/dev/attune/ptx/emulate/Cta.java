package dev.attune.ptx.emulate;

import java.util.SplittableRandom;

/** One CTA while it runs: its warps take turns on one host thread. */
final class Cta {
  private static final int TURN = 256;

  private final Launch launch;
  private final int number;
  private final Counters counters = new Counters();
  private final Knowledge knowledge;
  private final SharedMemory shared;
  private final Barriers barriers;
  private final Mbarriers mbarriers;
  private final BulkLoads loads;
  private final RegisterPool registers;
  private final Warp[] warps;
  private final Warpgroup[] warpgroups;
  private final SplittableRandom random;
  private final int[] stalled;
  private final int victim;

  /** The lane that {@code elect.sync} prefers. */
  private final int leader;

  Cta(Launch launch, int number) {
    this.launch = launch;
    this.number = number;
    int threads = launch.config().block().count();
    int count = Math.ceilDiv(threads, 32);
    EmulatorOptions options = launch.config().options();
    this.random = new SplittableRandom(options.seed() * 0x9E37_79B9L + number);
    this.knowledge = new Knowledge(threads);
    this.shared =
        new SharedMemory(knowledge, launch.sharedBytes(), launch.program().sharedGranule());
    this.barriers = new Barriers(this, count);
    this.mbarriers = new Mbarriers(this);
    this.registers = new RegisterPool(threads);
    this.warps = new Warp[count];
    this.warpgroups = new Warpgroup[Math.ceilDiv(count, 4)];
    for (int w = 0; w < count; w++) {
      warps[w] = new Warp(this, w, Math.min(32, threads - (w * 32)), random.split());
    }
    for (int g = 0; g < warpgroups.length; g++) {
      warpgroups[g] = new Warpgroup(this, g);
    }
    this.loads = new BulkLoads(this, random.split());
    this.stalled = new int[count];
    this.victim = random.nextInt(count);
    this.leader = options.warps() == WarpOrder.RANDOM ? random.nextInt(32) : 0;
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

  Knowledge knowledge() {
    return knowledge;
  }

  Barriers barriers() {
    return barriers;
  }

  Mbarriers mbarriers() {
    return mbarriers;
  }

  BulkLoads loads() {
    return loads;
  }

  RegisterPool registers() {
    return registers;
  }

  int leader() {
    return leader;
  }

  /** A phase of a memory barrier has completed. */
  void wakeWaiting() {
    for (Warp warp : warps) {
      warp.wake();
    }
  }

  /** Lets warps go on for a while. Returns false once all have ended. */
  boolean advance() {
    boolean progress =
        switch (launch.config().options().warps()) {
          case ROUND_ROBIN -> inTurn(false);
          case REVERSE -> inTurn(true);
          case RANDOM -> atRandom();
          case STARVED -> starving();
        };
    if (progress || loads.deliverOne()) {
      return true;
    }
    checkFinished();
    return false;
  }

  private boolean inTurn(boolean reverse) {
    boolean progress = false;
    for (int i = 0; i < warps.length; i++) {
      progress |= turn(warps[reverse ? warps.length - 1 - i : i], TURN);
    }
    return progress;
  }

  private boolean atRandom() {
    boolean runnable = false;
    for (Warp warp : warps) {
      runnable |= warp.runnable();
    }
    if (!runnable) {
      return false;
    }
    int chosen = random.nextInt(warps.length);
    if (stalled[chosen] > 0) {
      stalled[chosen]--;
    } else if (turn(warps[chosen], 1 + random.nextInt(64)) && random.nextInt(32) == 0) {
      stalled[chosen] = random.nextInt(64);
    }
    return true;
  }

  private boolean starving() {
    boolean progress = false;
    for (int w = 0; w < warps.length; w++) {
      if (w != victim) {
        progress |= turn(warps[w], TURN);
      }
    }
    return progress || turn(warps[victim], 1);
  }

  private boolean turn(Warp warp, int instructions) {
    if (!warp.runnable()) {
      return false;
    }
    warp.run(instructions);
    loads.pass();
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

  boolean finished() {
    for (Warp warp : warps) {
      if (!warp.finished()) {
        return false;
      }
    }
    return true;
  }

  private void checkFinished() {
    if (!finished()) {
      throw new EmulationException(
          "deadlock: no warp of CTA " + place() + " can go on" + positions());
    }
    for (Warp warp : warps) {
      warp.stores.finish();
    }
    registers.checkFinished(place());
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
