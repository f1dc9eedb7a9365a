package dev.attune.ptx.emulate;

/**
 * The sums of a tensor core, after the model of Khattak and Mikaitis, "Accurate Models of NVIDIA
 * Tensor Cores" (arXiv 2512.07004). Products of 16-bit floats are exact. They are added in blocks,
 * of 8 on Ampere and 16 on Hopper; the accumulator is one more summand of each block. All summands
 * of a block are aligned to the largest exponent among them (a product's exponent is the sum of its
 * factors'), cut off toward zero 24 bits below it (Hopper: 25), and added exactly; the sum is cut
 * off toward zero to binary32. Subnormals count in full. If an operand is infinite or NaN the
 * result is what binary32 arithmetic gives.
 */
final class TensorCore {
  /** Exponent given to zeros, low enough never to be the largest one that matters. */
  static final int ZERO = -100_000;

  private static final int LEAST_EXPONENT = -133;

  private final int block;
  private final int fractionBits;

  TensorCore(boolean hopper) {
    this.block = hopper ? 16 : 8;
    this.fractionBits = hopper ? 25 : 24;
  }

  /** Unpacks 16-bit floats to values and exponents. */
  static void unpack(int[] halves, boolean bf16, double[] values, int[] exponents) {
    for (int i = 0; i < values.length; i++) {
      float value = bf16 ? Scalars.fromBf16(halves[i]) : Scalars.fromF16(halves[i]);
      values[i] = value;
      exponents[i] = exponent(value, bf16 ? Float.MIN_EXPONENT : -14);
    }
  }

  static int exponent(float value, int least) {
    return value == 0f ? ZERO : Math.max(Math.getExponent(value), least);
  }

  /**
   * The dot product of {@code n} values from {@code a[i]} and {@code b[j]} on, added to {@code c};
   * {@code n} is a multiple of 8. All operands are finite.
   */
  float dot(double[] a, int[] ea, int i, double[] b, int[] eb, int j, int n, float c) {
    float sum = c;
    for (int k = 0; k < n; k += block) {
      sum = block(a, ea, i + k, b, eb, j + k, Math.min(block, n - k), sum);
    }
    return sum;
  }

  private float block(double[] a, int[] ea, int i, double[] b, int[] eb, int j, int n, float c) {
    int largest = Math.max(LEAST_EXPONENT, exponent(c, Float.MIN_EXPONENT));
    for (int k = 0; k < n; k++) {
      largest = Math.max(largest, ea[i + k] + eb[j + k]);
    }
    double scale = power(fractionBits - largest);
    long sum = (long) (c * scale);
    for (int k = 0; k < n; k++) {
      sum += (long) (a[i + k] * b[j + k] * scale);
    }
    return cut(sum * power(largest - fractionBits));
  }

  private static double power(int exponent) {
    return Double.longBitsToDouble((long) (exponent + 1023) << 52);
  }

  /** To binary32 toward zero; what is too large becomes infinite. */
  private static float cut(double x) {
    float nearest = (float) x;
    if (Math.abs(nearest) > Math.abs(x)) {
      return Math.abs(x) >= 0x1p128 ? nearest : towardZero(nearest);
    }
    return nearest;
  }

  private static float towardZero(float x) {
    return Float.intBitsToFloat(Float.floatToRawIntBits(x) - 1);
  }

  /** The same in plain binary32 arithmetic, for operands that are infinite or NaN. */
  static float special(double[] a, int i, double[] b, int j, int n, float c) {
    float sum = c;
    for (int k = 0; k < n; k++) {
      sum += (float) a[i + k] * (float) b[j + k];
    }
    return Float.isNaN(sum) ? Float.intBitsToFloat(Scalars.NAN) : sum;
  }
}
