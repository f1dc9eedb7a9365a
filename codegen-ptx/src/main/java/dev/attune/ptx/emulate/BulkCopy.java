package dev.attune.ptx.emulate;

/** {@code cp.async.bulk.tensor} with tensor maps of the parameters, and the groups of stores. */
final class BulkCopy {
  /** Generic address of the first parameter. */
  static final long PARAMETERS = 0x7FFF_F000_0000_0000L;

  /** A cache policy; its lowest byte tells which. */
  static final long POLICY = 0x10F0_0000_0000_0000L;

  private BulkCopy() {}

  /**
   * The tensor operand of an instruction.
   *
   * @param base register of the map's generic address
   * @param coordinates registers, the contiguous dimension first
   * @param policy register of the cache policy, or −1
   */
  @SuppressWarnings("ArrayRecordComponent") // Never compared.
  record Source(int base, long offset, int[] coordinates, int policy) {
    private TensorBox box(Warp warp, int lane, int shared) {
      if (policy >= 0 && warp.longs[policy + lane] >>> 8 != POLICY >>> 8) {
        throw new Fault(lane, "the cache policy does not come from createpolicy");
      }
      int[] corner = new int[coordinates.length];
      for (int i = 0; i < corner.length; i++) {
        corner[i] = warp.ints[coordinates[i] + lane];
      }
      return new TensorBox(map(warp, lane, base, offset), corner, shared, lane);
    }
  }

  private static TensorMap map(Warp warp, int lane, int base, long offset) {
    byte[] block = warp.cta.launch().parameters();
    long at = warp.longs[base + lane] + offset - PARAMETERS;
    if (at < 0 || at > block.length - TensorMap.BYTES || at % 64 != 0) {
      throw new Fault(
          lane,
          "tensor map: "
              + EmulatedMemory.hex(at + PARAMETERS)
              + " is not the generic address of a parameter of 128 bytes, aligned to 64");
    }
    return warp.cta.launch().tensorMap(lane, (int) at);
  }

  /** From a tensor to shared memory, completing bytes on a memory barrier. */
  static final class Load extends Instruction {
    private final int to;
    private final int toOffset;
    private final Source source;
    private final int barrier;
    private final int barrierOffset;

    Load(Header header, int to, int toOffset, Source source, int barrier, int barrierOffset) {
      super(header);
      this.to = to;
      this.toOffset = toOffset;
      this.source = source;
      this.barrier = barrier;
      this.barrierOffset = barrierOffset;
    }

    @Override
    void execute(Warp warp, int mask) {
      for (int left = mask; left != 0; left &= left - 1) {
        int lane = Integer.numberOfTrailingZeros(left);
        TensorBox box = source.box(warp, lane, warp.ints[to + lane] + toOffset);
        warp.cta.loads().start(warp, lane, header, box, warp.ints[barrier + lane] + barrierOffset);
      }
    }
  }

  /** From shared memory to a tensor, in the thread's current group. */
  static final class Store extends Instruction {
    private final Source target;
    private final int from;
    private final int fromOffset;

    Store(Header header, Source target, int from, int fromOffset) {
      super(header);
      this.target = target;
      this.from = from;
      this.fromOffset = fromOffset;
    }

    @Override
    void execute(Warp warp, int mask) {
      for (int left = mask; left != 0; left &= left - 1) {
        int lane = Integer.numberOfTrailingZeros(left);
        warp.stores.start(
            lane, header, target.box(warp, lane, warp.ints[from + lane] + fromOffset));
      }
    }
  }

  /** {@code cp.async.bulk.commit_group}. */
  static final class Commit extends Instruction {
    Commit(Header header) {
      super(header);
    }

    @Override
    void execute(Warp warp, int mask) {
      warp.stores.commit(mask);
    }
  }

  /** {@code cp.async.bulk.wait_group}. */
  static final class Wait extends Instruction {
    private final int leave;
    private final boolean readOnly;

    Wait(Header header, int leave, boolean readOnly) {
      super(header);
      this.leave = leave;
      this.readOnly = readOnly;
    }

    @Override
    void execute(Warp warp, int mask) {
      warp.stores.await(mask, leave, readOnly);
    }
  }

  /** {@code prefetch.tensormap}: only checks the address. */
  static final class Prefetch extends Instruction {
    private final int base;
    private final long offset;

    Prefetch(Header header, int base, long offset) {
      super(header);
      this.base = base;
      this.offset = offset;
    }

    @Override
    void execute(Warp warp, int mask) {
      map(warp, Integer.numberOfTrailingZeros(mask), base, offset);
    }
  }
}
