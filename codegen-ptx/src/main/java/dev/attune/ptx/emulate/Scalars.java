package dev.attune.ptx.emulate;

/** Binary32 arithmetic and conversions of single values, where PTX differs from Java. */
final class Scalars {
  /** The NaN that PTX arithmetic gives. */
  static final int NAN = 0x7FFF_FFFF;

  private static final double LN2 = 0.6931471805599453;

  private Scalars() {}

  /** Subnormals become zero of the same sign. */
  static float flush(float x) {
    return Math.abs(x) < Float.MIN_NORMAL ? Math.copySign(0f, x) : x;
  }

  static float saturate(float x) {
    // NaN gives +0, and so does −0.
    return x > 0f ? Math.min(x, 1f) : 0f;
  }

  static int bits(float x) {
    return Float.isNaN(x) ? NAN : Float.floatToRawIntBits(x);
  }

  /**
   * 2ˣ with an error below 0.501 ulp: x is split into n + f with |f| ≤ ½ and 2ᶠ is a Taylor
   * polynomial of degree 9 in binary64 (remainder below 10⁻¹¹). Devices promise 2 ulp.
   */
  static float exp2(float x) {
    if (!(x < 128f)) {
      return Float.isNaN(x) ? x : Float.POSITIVE_INFINITY;
    }
    if (x < -151f) {
      return 0f;
    }
    double n = Math.rint(x);
    double f = (x - n) * LN2;
    double p = 1.0 / 362880;
    p = p * f + 1.0 / 40320;
    p = p * f + 1.0 / 5040;
    p = p * f + 1.0 / 720;
    p = p * f + 1.0 / 120;
    p = p * f + 1.0 / 24;
    p = p * f + 1.0 / 6;
    p = p * f + 0.5;
    p = p * f + 1.0;
    p = p * f + 1.0;
    return (float) (p * Double.longBitsToDouble((1023L + (long) n) << 52));
  }

  static float log2(float x) {
    return (float) (Math.log(x) / LN2);
  }

  /** Binary32 to bfloat16, to nearest even. */
  static int toBf16(float x) {
    int bits = Float.floatToRawIntBits(x);
    if (Float.isNaN(x)) {
      return 0x7FFF;
    }
    return (bits + 0x7FFF + (bits >>> 16 & 1)) >>> 16;
  }

  /** Binary32 to bfloat16, toward zero. */
  static int toBf16TowardZero(float x) {
    return Float.isNaN(x) ? 0x7FFF : Float.floatToRawIntBits(x) >>> 16;
  }

  static float fromBf16(int bits) {
    return Float.intBitsToFloat(bits << 16);
  }

  /** Binary32 to binary16, to nearest even. */
  static int toF16(float x) {
    return Float.isNaN(x) ? 0x7FFF : Float.floatToFloat16(x) & 0xFFFF;
  }

  /** Binary32 to binary16, toward zero. */
  static int toF16TowardZero(float x) {
    int nearest = toF16(x);
    if (Float.isNaN(x) || Float.isInfinite(x)) {
      return nearest;
    }
    // One step back when rounding went outward; this turns an overflow into the largest number.
    return Math.abs(fromF16(nearest)) > Math.abs(x) ? nearest - 1 : nearest;
  }

  static float fromF16(int bits) {
    return Float.float16ToFloat((short) bits);
  }
}
