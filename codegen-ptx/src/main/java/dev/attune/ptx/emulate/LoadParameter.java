package dev.attune.ptx.emulate;

/** {@code ld.param}: copies a value from the parameter block to all lanes. */
final class LoadParameter extends Instruction {
  private final int d;
  private final boolean wide;
  private final int offset;
  private final int bytes;
  private final boolean signed;

  LoadParameter(Header header, int d, boolean wide, int offset, int bytes, boolean signed) {
    super(header);
    this.d = d;
    this.wide = wide;
    this.offset = offset;
    this.bytes = bytes;
    this.signed = signed;
  }

  @Override
  void execute(Warp warp, int mask) {
    byte[] block = warp.cta.launch().parameters();
    long value = 0;
    for (int i = 0; i < bytes; i++) {
      value |= (block[offset + i] & 0xFFL) << (8 * i);
    }
    if (signed) {
      int unused = 64 - (8 * bytes);
      value = value << unused >> unused;
    }
    for (int left = mask; left != 0; left &= left - 1) {
      int lane = Integer.numberOfTrailingZeros(left);
      if (wide) {
        warp.longs[d + lane] = value;
      } else {
        warp.ints[d + lane] = (int) value;
      }
    }
  }
}
