package dev.attune.ptx.emulate;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/** The bulk tensor copies to shared memory that a CTA has under way. */
final class BulkLoads {
  private static final int MOST_TURNS = 64;

  private final Cta cta;
  private final SplittableRandom random;
  private final List<Load> all = new ArrayList<>();

  /**
   * A copy under way.
   *
   * @param by the instruction that started it
   * @param due the turn of a warp after which it arrives, unless nothing else can happen before
   */
  private record Load(Warp warp, int lane, Header by, TensorBox box, Mbarrier barrier, long due) {}

  private long turns;

  BulkLoads(Cta cta, SplittableRandom random) {
    this.cta = cta;
    this.random = random;
  }

  void start(Warp warp, int lane, Header by, TensorBox box, int barrierAddress) {
    GlobalMemory global = cta.launch().global();
    Mbarrier barrier = cta.mbarriers().forCopy(warp, lane, barrierAddress);
    warp.counters.globalLoadSectors += box.checkLoad(global, cta.number(), lane);
    warp.counters.asyncCopies++;
    AsyncPolicy policy = cta.launch().config().options().async();
    boolean early =
        policy == AsyncPolicy.EARLIEST || (policy == AsyncPolicy.RANDOM && random.nextInt(4) == 0);
    long due = policy == AsyncPolicy.RANDOM ? turns + random.nextInt(MOST_TURNS) : Long.MAX_VALUE;
    cta.shared()
        .beginBulkCopy(warp.index, lane, box.shared(), box.bytes(), barrier.number(), !early);
    barrier.issue(box.bytes());
    Load load = new Load(warp, lane, by, box, barrier, due);
    if (early) {
      arrive(load);
    } else {
      all.add(load);
    }
  }

  private void arrive(Load load) {
    SharedMemory shared = cta.shared();
    load.box.load(cta.launch().global(), shared, load.lane);
    Mbarrier barrier = load.barrier;
    shared.endBulkCopy(load.box.shared(), load.box.bytes(), barrier.number(), barrier.phase() + 1);
    cta.mbarriers().copied(load.lane, barrier, load.box.bytes());
  }

  private void deliver(int index) {
    Load load = all.remove(index);
    try {
      arrive(load);
    } catch (Fault fault) {
      throw load.warp.failure(fault, load.by);
    }
  }

  /** A turn of a warp has passed. */
  void pass() {
    turns++;
    for (int i = 0; i < all.size(); ) {
      if (all.get(i).due <= turns) {
        deliver(i);
      } else {
        i++;
      }
    }
  }

  /** Nothing but the arrival of a copy can happen: lets one arrive, if there is one. */
  boolean deliverOne() {
    if (all.isEmpty()) {
      return false;
    }
    if (cta.finished()) {
      Load load = all.getFirst();
      throw load.warp.failure(
          new Fault(load.lane, "pending: the CTA has ended while this copy is under way"), load.by);
    }
    deliver(random.nextInt(all.size()));
    return true;
  }
}
