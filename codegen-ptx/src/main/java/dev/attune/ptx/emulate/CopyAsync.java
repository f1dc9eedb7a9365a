package dev.attune.ptx.emulate;

/** {@code cp.async} from global to shared memory, its groups, and the waits for them. */
final class CopyAsync {
  private CopyAsync() {}

  /** Issues one copy for each lane. */
  static final class Issue extends Instruction {
    private final int to;
    private final int toOffset;
    private final int from;
    private final long fromOffset;
    private final int bytes;
    private final int copied;

    /**
     * @param copied offset of the register with the bytes to copy, the rest being zero; negative if
     *     all are copied
     */
    Issue(Header header, int to, int toOffset, int from, long fromOffset, int bytes, int copied) {
      super(header);
      this.to = to;
      this.toOffset = toOffset;
      this.from = from;
      this.fromOffset = fromOffset;
      this.bytes = bytes;
      this.copied = copied;
    }

    @Override
    void execute(Warp warp, int mask) {
      int sources = 0;
      for (int left = mask; left != 0; left &= left - 1) {
        int lane = Integer.numberOfTrailingZeros(left);
        int size = copied < 0 ? bytes : warp.ints[copied + lane];
        if (size < 0 || size > bytes) {
          throw new Fault(
              lane, "cp.async of " + bytes + " bytes is given " + size + " bytes to copy");
        }
        sources |= size > 0 ? 1 << lane : 0;
        warp.copies.issue(
            lane,
            warp.ints[to + lane] + toOffset,
            bytes,
            warp.longs[from + lane] + fromOffset,
            size);
      }
      Traffic.global(warp, sources, from, fromOffset, bytes, true);
    }
  }

  /** {@code cp.async.commit_group}. */
  static final class Commit extends Instruction {
    Commit(Header header) {
      super(header);
    }

    @Override
    void execute(Warp warp, int mask) {
      warp.copies.commit(mask);
    }
  }

  /** {@code cp.async.wait_group} and {@code wait_all}. */
  static final class Wait extends Instruction {
    private final int leave;

    /** {@code leave} is negative for {@code wait_all}. */
    Wait(Header header, int leave) {
      super(header);
      this.leave = leave;
    }

    @Override
    void execute(Warp warp, int mask) {
      warp.copies.await(mask, leave);
    }
  }
}
