package dev.attune.ptx.emulate;

/** {@code atom} and {@code red} with {@code .add} on a word of global memory, lane after lane. */
final class AtomicAdd extends Instruction {
  private final boolean asFloat;
  private final int d;
  private final int base;
  private final long offset;
  private final int value;

  /** {@code d} is negative for {@code red}. */
  AtomicAdd(Header header, boolean asFloat, int d, int base, long offset, int value) {
    super(header);
    this.asFloat = asFloat;
    this.d = d;
    this.base = base;
    this.offset = offset;
    this.value = value;
  }

  @Override
  void execute(Warp warp, int mask) {
    Traffic.global(warp, mask, base, offset, 4, false);
    GlobalMemory memory = warp.cta.launch().global();
    for (int left = mask; left != 0; left &= left - 1) {
      int lane = Integer.numberOfTrailingZeros(left);
      int before =
          memory.atomicAdd(
              warp.cta.number(),
              lane,
              warp.longs[base + lane] + offset,
              warp.ints[value + lane],
              asFloat);
      if (d >= 0) {
        warp.ints[d + lane] = before;
      }
    }
  }
}
