package dev.attune.ptx.emulate;

import java.util.ArrayList;
import java.util.List;

/** The memory barriers of a CTA. */
final class Mbarriers {
  private final Cta cta;
  private final List<Mbarrier> all = new ArrayList<>();

  Mbarriers(Cta cta) {
    this.cta = cta;
  }

  void initialise(Warp warp, int lane, int address, int count) {
    if ((address & 7) != 0) {
      throw new Fault(lane, "misaligned: memory barrier at " + address);
    }
    if (count < 1 || count > Mbarrier.LIMIT) {
      throw new Fault(lane, "mbarrier: a memory barrier cannot expect " + count + " arrivals");
    }
    if (all.size() == Knowledge.MEMORY_BARRIERS) {
      throw new Fault(
          lane, "more than " + all.size() + " memory barriers, which the emulator does not model");
    }
    for (Mbarrier other : all) {
      if (other.address() == address && !other.invalid()) {
        throw new Fault(
            lane, "mbarrier: the memory barrier at " + address + " is initialised again");
      }
    }
    Knowledge knowledge = cta.knowledge();
    Mbarrier barrier =
        new Mbarrier(
            knowledge,
            all.size(),
            address,
            count,
            knowledge.thread(warp.index, lane),
            knowledge.now(warp.index));
    cta.shared().place(warp.index, lane, barrier);
    all.add(barrier);
  }

  void invalidate(Warp warp, int lane, int address) {
    Mbarrier barrier = known(warp, lane, address);
    if (barrier.busy()) {
      throw new Fault(lane, "mbarrier: invalidated while in use: " + barrier);
    }
    barrier.invalidate();
    cta.shared().remove(barrier);
    cta.shared().written(warp.index, lane, address, 8);
  }

  /** The barrier at an address, whose initialisation must be known to the lane. */
  private Mbarrier known(Warp warp, int lane, int address) {
    Mbarrier barrier = cta.shared().barrier(lane, address);
    if (!cta.knowledge().knows(warp.index, lane, barrier.agent(), barrier.time())) {
      throw new Fault(
          lane,
          "mbarrier: the memory barrier at "
              + address
              + " was initialised by "
              + cta.knowledge().name(barrier.agent())
              + " with no barrier in between");
    }
    return barrier;
  }

  /** The barrier at an address for a copy, to which a fence must have made it visible. */
  Mbarrier forCopy(Warp warp, int lane, int address) {
    Mbarrier barrier = known(warp, lane, address);
    if (!barrier.fenced()
        || !cta.knowledge().knows(warp.index, lane, barrier.fencedBy(), barrier.fenceTime())) {
      throw new Fault(
          lane,
          "mbarrier: a bulk copy uses the memory barrier at "
              + address
              + " with no fence.mbarrier_init after its initialisation");
    }
    return barrier;
  }

  /** A fence by some lanes makes the barriers that they know of visible to copies. */
  void fence(Warp warp, int mask) {
    Knowledge knowledge = cta.knowledge();
    for (Mbarrier barrier : all) {
      for (int left = mask; left != 0 && !barrier.fenced(); left &= left - 1) {
        int lane = Integer.numberOfTrailingZeros(left);
        if (knowledge.knows(warp.index, lane, barrier.agent(), barrier.time())) {
          barrier.fenced(knowledge.thread(warp.index, lane), knowledge.now(warp.index));
        }
      }
    }
  }

  /** Lanes arrive at one barrier, each {@code count} times, after announcing bytes each. */
  void arrive(Warp warp, int mask, int address, int count, int bytes) {
    int first = Integer.numberOfTrailingZeros(mask);
    Mbarrier barrier = cta.shared().barrier(first, address);
    for (int left = mask; left != 0; left &= left - 1) {
      int lane = Integer.numberOfTrailingZeros(left);
      known(warp, lane, address);
      barrier.expect(lane, bytes);
    }
    cta.knowledge().release(warp.index, mask, barrier.arriving());
    if (barrier.arrive(first, count * Integer.bitCount(mask))) {
      cta.wakeWaiting();
    }
  }

  /** Bytes of a copy have arrived. */
  void copied(int lane, Mbarrier barrier, int bytes) {
    if (barrier.copied(lane, bytes)) {
      cta.wakeWaiting();
    }
  }

  /**
   * Whether the phase that lanes wait for has completed; they then know what was passed on. The
   * phase is the next one that they do not know to be complete, or the one before, by its parity.
   */
  boolean passed(Warp warp, int mask, Mbarrier barrier, int parity) {
    int first = Integer.numberOfTrailingZeros(mask);
    known(warp, first, barrier.address());
    if (parity != 0 && parity != 1) {
      throw new Fault(first, "mbarrier: a parity is 0 or 1, found " + parity);
    }
    int complete = cta.knowledge().known(warp.index, mask, barrier.ownAgent());
    int awaited = (complete & 1) == parity ? complete : complete - 1;
    if (barrier.phase() - awaited >= 2) {
      throw new Fault(
          first,
          "parity alias: phase "
              + awaited
              + " is waited for by its parity, but "
              + (barrier.phase() - awaited)
              + " phases have completed since: "
              + barrier);
    }
    if (barrier.phase() == awaited) {
      return false;
    }
    cta.knowledge().acquire(warp.index, mask, barrier.completed());
    return true;
  }
}
