package dev.attune.ptx.emulate;

/** {@code atom} and {@code red} on a word of global memory, lane after lane. */
final class Atomic extends Instruction {
  /** What happens to the word. */
  enum Kind {
    ADD,
    ADD_FLOAT,
    /** Adds one, or gives zero where the word is at least the operand. */
    INC;

    int apply(int before, int operand) {
      return switch (this) {
        case ADD -> before + operand;
        case ADD_FLOAT ->
            Scalars.bits(Float.intBitsToFloat(before) + Float.intBitsToFloat(operand));
        case INC -> Integer.compareUnsigned(before, operand) >= 0 ? 0 : before + 1;
      };
    }
  }

  private final Kind kind;
  private final int d;
  private final int base;
  private final long offset;
  private final int value;

  /** {@code d} is negative for {@code red}. */
  Atomic(Header header, Kind kind, int d, int base, long offset, int value) {
    super(header);
    this.kind = kind;
    this.d = d;
    this.base = base;
    this.offset = offset;
    this.value = value;
  }

  /** Whether the outcome depends on the order of the CTAs. */
  boolean returns() {
    return d >= 0;
  }

  @Override
  void execute(Warp warp, int mask) {
    Traffic.global(warp, mask, base, offset, 4, false);
    GlobalMemory memory = warp.cta.launch().global();
    int cta = warp.cta.number();
    for (int left = mask; left != 0; left &= left - 1) {
      int lane = Integer.numberOfTrailingZeros(left);
      long address = warp.longs[base + lane] + offset;
      int before = memory.atomic(cta, lane, address, warp.ints[value + lane], kind);
      if (returns()) {
        memory.order().atomic(cta, address);
        warp.ints[d + lane] = before;
      }
    }
  }
}
