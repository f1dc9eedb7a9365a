package dev.attune.ptx.emulate;

/**
 * {@code wgmma.mma_async.m64nNk16} with operands of 16-bit floats and a binary32 accumulator. Warp
 * w of the warpgroup holds rows 16w to 16w + 15. With g = lane / 4 and t = lane mod 4, register 4j
 * + r of D holds row g + 8(r / 2), column 8j + 2t + r mod 2; register r of A holds row g + 8(r mod
 * 2), columns 2t + 8(r / 2) and the next.
 */
final class WarpgroupMultiply extends Instruction {
  final int[] d;

  /** Offsets of the four registers of A, or null if A is in shared memory. */
  final int @org.jspecify.annotations.Nullable [] a;

  /** Offset of the descriptor of A, if it has one. */
  final int descriptorA;

  final int descriptorB;
  final int scaleD;
  final boolean bf16;
  final boolean negateA;
  final boolean negateB;
  final boolean acrossA;
  final boolean acrossB;
  private final int[] left;

  /**
   * @param a offsets of the registers of A, or null
   * @param left ids of these registers
   * @param descriptorA offset of the descriptor of A, if {@code a} is null
   * @param scaleD slot of the predicate that tells whether D is added to
   * @param acrossA whether A in shared memory is M-major rather than K-major
   * @param acrossB whether B is N-major rather than K-major
   */
  WarpgroupMultiply(
      Header header,
      int[] d,
      int @org.jspecify.annotations.Nullable [] a,
      int[] left,
      int descriptorA,
      int descriptorB,
      int scaleD,
      boolean bf16,
      boolean negateA,
      boolean negateB,
      boolean acrossA,
      boolean acrossB) {
    super(header);
    this.d = d;
    this.a = a;
    this.left = left;
    this.descriptorA = descriptorA;
    this.descriptorB = descriptorB;
    this.scaleD = scaleD;
    this.bf16 = bf16;
    this.negateA = negateA;
    this.negateB = negateB;
    this.acrossA = acrossA;
    this.acrossB = acrossB;
  }

  /** Ids of the registers of A. */
  int[] left() {
    return left;
  }

  int columns() {
    return 2 * d.length;
  }

  @Override
  boolean convergent() {
    return true;
  }

  @Override
  boolean ofWarpgroup() {
    return true;
  }

  @Override
  void execute(Warp warp, int mask) {
    if (warp.gathered(-1, "wgmma")) {
      warp.cta.warpgroup(warp).issue(warp, this);
    }
  }

  /** A descriptor, which must be the same in all lanes. */
  static long uniform(Warp warp, int register, String operand) {
    long value = warp.longs[register];
    for (int lane = 1; lane < 32; lane++) {
      if (warp.longs[register + lane] != value) {
        throw new Fault(lane, "lanes give different descriptors of " + operand);
      }
    }
    return value;
  }
}
