package dev.attune.ptx.emulate;

/** {@code mov} between a register and the vector of its parts. */
final class Pack extends Instruction {
  private final boolean pack;
  private final int whole;
  private final boolean wholeIsLong;
  private final int[] parts;
  private final int partBits;

  /**
   * @param parts offsets of the parts, from the least significant one; negative for the sink {@code
   *     _}
   */
  Pack(Header header, boolean pack, int whole, boolean wholeIsLong, int[] parts, int partBits) {
    super(header);
    this.pack = pack;
    this.whole = whole;
    this.wholeIsLong = wholeIsLong;
    this.parts = parts;
    this.partBits = partBits;
  }

  @Override
  void execute(Warp warp, int mask) {
    int[] r = warp.ints;
    long partMask = (1L << partBits) - 1;
    for (int left = mask; left != 0; left &= left - 1) {
      int lane = Integer.numberOfTrailingZeros(left);
      if (pack) {
        long value = 0;
        for (int i = 0; i < parts.length; i++) {
          value |= (r[parts[i] + lane] & partMask) << (i * partBits);
        }
        if (wholeIsLong) {
          warp.longs[whole + lane] = value;
        } else {
          r[whole + lane] = (int) value;
        }
      } else {
        long value = wholeIsLong ? warp.longs[whole + lane] : r[whole + lane];
        for (int i = 0; i < parts.length; i++) {
          if (parts[i] >= 0) {
            r[parts[i] + lane] = (int) (value >>> (i * partBits) & partMask);
          }
        }
      }
    }
  }
}
