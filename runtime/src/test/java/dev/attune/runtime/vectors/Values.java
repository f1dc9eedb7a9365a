package dev.attune.runtime.vectors;

import dev.attune.compiler.spec.Dtype;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.SplittableRandom;

/** Operands, drawn from the name of a case: the same wherever it runs. */
final class Values {
  /** What 16-bit operands and the sums they are added to look like. */
  enum Kind {
    /** Small integers: sums are exact in any order, so that only their places matter. */
    INTEGERS,
    /** Magnitudes from 2⁻⁸ to 2⁸: what is cut off when summands are aligned. */
    MODERATE,
    /** Magnitudes far apart; of f16 all there are. */
    WIDE,
    /** Small; of bf16, with sums around the least normal number of binary32. */
    TINY,
    /** Large; of bf16, with sums around the largest number of binary32. */
    HUGE,
    /** Moderate, with zeros, subnormals, infinities and NaNs strewn in. */
    SPECIAL
  }

  private static final int[] SPECIAL_F16 = {0x8000, 0x0001, 0x83FF, 0x7C00, 0xFC00, 0x7E00, 0x7C01};
  private static final int[] SPECIAL_BF16 = {
    0x8000, 0x0001, 0x807F, 0x7F80, 0xFF80, 0x7FC0, 0xFF81
  };

  /** Where binary32 arithmetic has its corners; each with both signs. */
  private static final int[] CORNERS = {
    0x0000_0000, // 0
    0x0000_0001, // the least subnormal
    0x0040_0000,
    0x007F_FFFF, // the largest subnormal
    0x0080_0000, // the least normal
    0x0080_0001,
    0x0100_0000,
    0x3380_0000, // 2⁻²⁴
    0x3EFF_FFFF,
    0x3F00_0000, // ½
    0x3F7F_FFFF,
    0x3F80_0000, // 1
    0x3F80_0001,
    0x3F80_8000, // halfway between two bf16
    0x3F81_8000,
    0x3F80_1000, // halfway between two f16
    0x3F80_3000,
    0x3FC0_0000, // 1.5
    0x4020_0000, // 2.5
    0x3FC9_0FDB, // π/2
    0x4049_0FDB, // π
    0x42FC_0000, // 126
    0x42FE_0000, // 127
    0x42FF_FFFF,
    0x4300_0000, // 128
    0x4315_0000, // 149
    0x4316_0000, // 150
    0x3380_0001,
    0x387F_C000, // the largest subnormal f16
    0x477F_E000, // the largest f16
    0x477F_F000,
    0x4AFF_FFFF, // 2²³ − ½
    0x4EFF_FFFF,
    0x4F00_0000, // 2³¹
    0x7E80_0000, // 2¹²⁶
    0x7F00_0000, // 2¹²⁷
    0x7F7F_8000,
    0x7F7F_FFFF, // the largest
    0x7F80_0000, // ∞
    0x7F80_0001, // NaNs
    0x7FC0_0000,
    0x7FFF_FFFF
  };

  private final SplittableRandom random;

  Values(String name) {
    this.random = new SplittableRandom(name.hashCode());
  }

  /** 16-bit operands, little-endian. */
  byte[] halves(Dtype dtype, Kind kind, int count) {
    ByteBuffer bytes = ByteBuffer.allocate(2 * count).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < count; i++) {
      bytes.putShort((short) half(dtype, kind));
    }
    return bytes.array();
  }

  private int half(Dtype dtype, Kind kind) {
    boolean bf16 = dtype == Dtype.BF16;
    int[] special = bf16 ? SPECIAL_BF16 : SPECIAL_F16;
    return switch (kind) {
      case INTEGERS -> bits(dtype, random.nextInt(-1, 2));
      case MODERATE -> random(dtype, -8, 8);
      case WIDE -> bf16 ? random(dtype, -24, 24) : finite();
      case TINY -> bf16 ? random(dtype, -78, -60) : random(dtype, -30, -14);
      case HUGE -> bf16 ? random(dtype, 57, 62) : random(dtype, 12, 15);
      case SPECIAL ->
          random.nextInt(64) == 0 ? special[random.nextInt(special.length)] : random(dtype, -8, 8);
    };
  }

  /** Any sign and significand, an exponent in the range; what is too small is subnormal or zero. */
  private int random(Dtype dtype, int low, int high) {
    float x = Math.scalb(1 + random.nextInt(1 << 10) * 0x1p-10f, random.nextInt(low, high + 1));
    return bits(dtype, random.nextBoolean() ? x : -x);
  }

  private int finite() {
    while (true) {
      int bits = random.nextInt(1 << 16);
      if ((bits & 0x7C00) != 0x7C00) {
        return bits;
      }
    }
  }

  private static int bits(Dtype dtype, float x) {
    return dtype == Dtype.BF16
        ? Float.floatToRawIntBits(x) >>> 16
        : Float.floatToFloat16(x) & 0xFFFF;
  }

  /** Binary32 numbers to which products of such operands are added: of the products' size. */
  int[] sums(Dtype dtype, Kind kind, int count) {
    boolean bf16 = dtype == Dtype.BF16;
    int[] words = new int[count];
    for (int i = 0; i < count; i++) {
      words[i] =
          switch (kind) {
            case INTEGERS -> Float.floatToRawIntBits(random.nextInt(-3, 4));
            case MODERATE -> number(-20, 20);
            case WIDE -> number(-50, 50);
            case TINY -> bf16 ? number(-149, -120) : number(-60, -20);
            case HUGE -> bf16 ? number(115, 127) : number(20, 40);
            case SPECIAL ->
                random.nextInt(64) == 0
                    ? sign(CORNERS[random.nextInt(CORNERS.length)])
                    : number(-20, 20);
          };
    }
    return words;
  }

  private int number(int low, int high) {
    float x = Math.scalb(1 + random.nextInt(1 << 23) * 0x1p-23f, random.nextInt(low, high + 1));
    return sign(Float.floatToRawIntBits(x));
  }

  private int sign(int word) {
    return random.nextBoolean() ? word : word ^ Integer.MIN_VALUE;
  }

  /** Any words. */
  int[] words(int count) {
    return random.ints(count).toArray();
  }

  /**
   * Arguments of a function: the corners, then in turn any bit pattern and a number of a range.
   *
   * @param low from here to {@code high}
   */
  int[] arguments(double low, double high, int count) {
    int[] words = new int[count];
    for (int i = 0; i < count; i++) {
      words[i] =
          i < 2 * CORNERS.length
              ? corner(i)
              : i % 2 == 0
                  ? random.nextInt()
                  : Float.floatToRawIntBits((float) (low + (high - low) * random.nextDouble()));
    }
    return words;
  }

  private static int corner(int i) {
    return CORNERS[i / 2] ^ (i % 2 << 31);
  }

  /** Operands that are corners half of the time, else any bit pattern. */
  int[] corners(int count) {
    int[] words = new int[count];
    for (int i = 0; i < count; i++) {
      words[i] = random.nextBoolean() ? corner(random.nextInt(2 * CORNERS.length)) : sign(any());
    }
    return words;
  }

  /** Any bit pattern, or a number near 1, whose arithmetic rounds. */
  private int any() {
    return random.nextBoolean() ? random.nextInt() : number(-12, 12);
  }

  /** A permutation of the numbers below {@code count}. */
  int[] permutation(int count) {
    int[] order = new int[count];
    for (int i = 0; i < count; i++) {
      int j = random.nextInt(i + 1);
      order[i] = order[j];
      order[j] = i;
    }
    return order;
  }

  /** Words as bytes, little-endian. */
  static byte[] bytes(int... words) {
    ByteBuffer bytes = ByteBuffer.allocate(4 * words.length).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asIntBuffer().put(words);
    return bytes.array();
  }

  /** Arrays one after another. */
  static byte[] join(byte[]... parts) {
    int length = 0;
    for (byte[] part : parts) {
      length += part.length;
    }
    ByteBuffer all = ByteBuffer.allocate(length);
    for (byte[] part : parts) {
      all.put(part);
    }
    return all.array();
  }

  /** Operands as threads read them: some words of the first, as many of the second, and so on. */
  static byte[] interleaved(int block, int[]... operands) {
    ByteBuffer all =
        ByteBuffer.allocate(4 * operands.length * operands[0].length)
            .order(ByteOrder.LITTLE_ENDIAN);
    for (int at = 0; at < operands[0].length; at += block) {
      for (int[] operand : operands) {
        for (int i = 0; i < block; i++) {
          all.putInt(operand[at + i]);
        }
      }
    }
    return all.array();
  }
}
