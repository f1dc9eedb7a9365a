package dev.attune.ptx.emulate;

/** Instructions that change where lanes go on. */
final class Control {
  private Control() {}

  /** {@code bra}. */
  static final class Branch extends Instruction {
    private final boolean uniform;
    private int target;

    Branch(Header header, boolean uniform) {
      super(header);
      this.uniform = uniform;
    }

    void target(int index) {
      target = index;
    }

    @Override
    boolean convergent() {
      return uniform;
    }

    @Override
    void execute(Warp warp, int mask) {
      warp.branch(mask, target);
    }
  }

  /** {@code ret} and {@code exit}. */
  static final class Exit extends Instruction {
    Exit(Header header) {
      super(header);
    }

    @Override
    void execute(Warp warp, int mask) {
      warp.flight.checkExit();
      warp.exit(mask);
    }
  }

  /** {@code trap}. */
  static final class Trap extends Instruction {
    Trap(Header header) {
      super(header);
    }

    @Override
    void execute(Warp warp, int mask) {
      throw new Fault(Integer.numberOfTrailingZeros(mask), "trap");
    }
  }

  /** Fences and {@code nanosleep}: one host thread runs a CTA, in order. */
  static final class Nothing extends Instruction {
    Nothing(Header header) {
      super(header);
    }

    @Override
    void execute(Warp warp, int mask) {}
  }

  /** {@code bar.sync} and {@code bar.arrive}. */
  static final class Barrier extends Instruction {
    private final boolean wait;
    private final int id;
    private final int count;

    /** {@code count} is negative if all threads of the CTA take part. */
    Barrier(Header header, boolean wait, int id, int count) {
      super(header);
      this.wait = wait;
      this.id = id;
      this.count = count;
    }

    @Override
    boolean convergent() {
      return true;
    }

    @Override
    void execute(Warp warp, int mask) {
      int threads = warp.cta.launch().config().block().count();
      int present = Math.min(32, threads - (32 * warp.index));
      if (!warp.gathered(
          present == 32 ? -1 : (1 << present) - 1, "divergent barrier: the barrier")) {
        return;
      }
      warp.counters.barrierWaits++;
      warp.cta
          .barriers()
          .arrive(
              warp,
              uniform(warp, mask, id),
              count < 0 ? 32 * warp.cta.warpCount() : uniform(warp, mask, count),
              wait);
    }

    private static int uniform(Warp warp, int mask, int register) {
      int value = warp.ints[register + Integer.numberOfTrailingZeros(mask)];
      for (int left = mask; left != 0; left &= left - 1) {
        int lane = Integer.numberOfTrailingZeros(left);
        if (warp.ints[register + lane] != value) {
          throw new Fault(lane, "divergent barrier: lanes name different barriers or counts");
        }
      }
      return value;
    }
  }
}
