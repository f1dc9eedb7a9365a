package dev.attune.ptx.emulate;

/**
 * The place of a 16-bit matrix in shared memory as {@code wgmma} takes it (PTX ISA, "Matrix
 * Descriptor Format"): bits 0–13 start address, 16–29 leading byte offset, 32–45 stride byte offset
 * (each divided by 16), 49–51 base offset, 62–63 swizzle. A matrix consists of chunks of eight
 * elements that lie together, along k (K-major) or along rows or columns (MN-major).
 *
 * @param start byte address of the first chunk
 * @param leading leading byte offset
 * @param stride stride byte offset
 * @param base phase at which the swizzle pattern starts, in units of 128 bytes
 * @param width bytes of a swizzled row: 128, 64 or 32, or 16 without swizzle
 */
record MatrixDescriptor(int start, int leading, int stride, int base, int width) {
  private static final long RESERVED = 0x3FF1_C000_C000_C000L;

  /** Decodes a descriptor whose start address lies in the first row of a swizzle pattern. */
  static MatrixDescriptor of(long bits, String operand) {
    if ((bits & RESERVED) != 0) {
      throw new Fault(
          -1,
          "the descriptor of "
              + operand
              + " is "
              + String.format(java.util.Locale.ROOT, "0x%016x", bits)
              + ", which has reserved bits set");
    }
    int width =
        switch ((int) (bits >>> 62)) {
          case 1 -> 128;
          case 2 -> 64;
          case 3 -> 32;
          default -> 16;
        };
    MatrixDescriptor descriptor =
        new MatrixDescriptor(
            field(bits, 0), field(bits, 16), field(bits, 32), (int) (bits >>> 49) & 7, width);
    if (width > 16) {
      int within = (descriptor.start - (128 * descriptor.base)) & ((8 * width) - 1);
      if (within >= width) {
        throw new Fault(
            -1,
            "misaligned: the descriptor of "
                + operand
                + " starts at shared byte "
                + descriptor.start
                + ", "
                + within
                + " bytes into a swizzle pattern of "
                + (8 * width)
                + " bytes");
      }
    }
    return descriptor;
  }

  private static int field(long bits, int at) {
    return (int) (bits >>> at & 0x3FFF) << 4;
  }

  /** Address of the chunk that holds elements {@code 8·half} to {@code 8·half + 7} of a row. */
  int alongK(int row, int half) {
    int group = (row & 7) * width + (row >> 3) * stride;
    return swizzled(start + group + half * (width == 16 ? leading : 16));
  }

  /** Address of the chunk that holds rows {@code 8·eighth} to {@code 8·eighth + 7} at one k. */
  int acrossK(int k, int eighth) {
    if (width == 16) {
      return start + (k & 7) * 16 + (k >> 3) * leading + eighth * stride;
    }
    int chunks = width / 16;
    int slab = (eighth % chunks) * 16 + (eighth / chunks) * leading;
    return swizzled(start + (k & 7) * width + (k >> 3) * stride + slab);
  }

  /** The chunk within a row is exchanged by the row's place in the pattern. */
  private int swizzled(int address) {
    int phase = ((address >> 7) - base) & ((width >> 4) - 1);
    return address ^ (phase << 4);
  }
}
