package dev.attune.ptx.emulate;

/** The instructions that name a memory barrier. */
final class MbarrierOp {
  private MbarrierOp() {}

  /** {@code mbarrier.init}. */
  static final class Init extends Instruction {
    private final int base;
    private final int offset;
    private final int count;

    Init(Header header, int base, int offset, int count) {
      super(header);
      this.base = base;
      this.offset = offset;
      this.count = count;
    }

    @Override
    void execute(Warp warp, int mask) {
      for (int left = mask; left != 0; left &= left - 1) {
        int lane = Integer.numberOfTrailingZeros(left);
        warp.cta
            .mbarriers()
            .initialise(warp, lane, warp.ints[base + lane] + offset, warp.ints[count + lane]);
      }
    }
  }

  /** {@code mbarrier.inval}. */
  static final class Invalidate extends Instruction {
    private final int base;
    private final int offset;

    Invalidate(Header header, int base, int offset) {
      super(header);
      this.base = base;
      this.offset = offset;
    }

    @Override
    void execute(Warp warp, int mask) {
      for (int left = mask; left != 0; left &= left - 1) {
        int lane = Integer.numberOfTrailingZeros(left);
        warp.cta.mbarriers().invalidate(warp, lane, warp.ints[base + lane] + offset);
      }
    }
  }

  /** {@code mbarrier.arrive}, also with {@code .expect_tx}. */
  static final class Arrive extends Instruction {
    private final int base;
    private final int offset;
    private final int count;
    private final int bytes;

    /**
     * @param count register of the arrivals of each thread
     * @param bytes register of the bytes that each thread announces
     */
    Arrive(Header header, int base, int offset, int count, int bytes) {
      super(header);
      this.base = base;
      this.offset = offset;
      this.count = count;
      this.bytes = bytes;
    }

    @Override
    void execute(Warp warp, int mask) {
      int left = mask;
      while (left != 0) {
        int first = Integer.numberOfTrailingZeros(left);
        int alike = 0;
        for (int rest = left; rest != 0; rest &= rest - 1) {
          int lane = Integer.numberOfTrailingZeros(rest);
          boolean same =
              warp.ints[base + lane] == warp.ints[base + first]
                  && warp.ints[count + lane] == warp.ints[count + first]
                  && warp.ints[bytes + lane] == warp.ints[bytes + first];
          alike |= same ? 1 << lane : 0;
        }
        warp.cta
            .mbarriers()
            .arrive(
                warp,
                alike,
                warp.ints[base + first] + offset,
                warp.ints[count + first],
                warp.ints[bytes + first]);
        left &= ~alike;
      }
    }
  }

  /**
   * {@code mbarrier.try_wait.parity}. It answers no once and, asked again in the same phase, waits
   * for the next one: so a kernel that does not ask again is found, and one that does need not
   * spin.
   */
  static final class TryWait extends Instruction {
    private final int d;
    private final int base;
    private final int offset;
    private final int parity;

    TryWait(Header header, int d, int base, int offset, int parity) {
      super(header);
      this.d = d;
      this.base = base;
      this.offset = offset;
      this.parity = parity;
    }

    @Override
    void execute(Warp warp, int mask) {
      Mbarriers barriers = warp.cta.mbarriers();
      int passed = 0;
      int left = mask;
      Mbarrier barrier;
      do {
        int first = Integer.numberOfTrailingZeros(left);
        int alike = alike(warp, left);
        barrier = warp.cta.shared().barrier(first, warp.ints[base + first] + offset);
        passed |= barriers.passed(warp, alike, barrier, warp.ints[parity + first]) ? alike : 0;
        left &= ~alike;
      } while (left != 0);
      if (passed == 0 && warp.blockAt(barrier)) {
        return;
      }
      if (passed != 0) {
        warp.counters.barrierWaits++;
      }
      warp.setPredicate(d, mask, passed);
    }

    private int alike(Warp warp, int mask) {
      int first = Integer.numberOfTrailingZeros(mask);
      int alike = 0;
      for (int left = mask; left != 0; left &= left - 1) {
        int lane = Integer.numberOfTrailingZeros(left);
        boolean same =
            warp.ints[base + lane] == warp.ints[base + first]
                && warp.ints[parity + lane] == warp.ints[parity + first];
        alike |= same ? 1 << lane : 0;
      }
      return alike;
    }
  }
}
