package dev.attune.ptx.emulate;

import java.util.Arrays;

/**
 * The arithmetic of {@code wgmma}: sums of 64 rows and n columns to which the product of a 64 × 16
 * and a 16 × n matrix is added, in the model of {@link TensorCore}.
 *
 * <p>Where all exponents are moderate, which is nearly always, a product cut off to the common
 * granularity is a 32-bit integer, so that one pass over the columns finds the granularity and one
 * more adds the products. Loops run over the columns with one index into arrays of one row each,
 * which the JIT compiler vectorises. Other elements take the general way of {@link TensorCore}.
 */
final class WarpgroupProduct {
  static final int ROWS = 64;
  static final int DEPTH = 16;

  private static final TensorCore CORE = new TensorCore(true);
  private static final int FRACTION_BITS = 25;

  /** Largest exponent of a factor, so that products and scales stay normal binary32 numbers. */
  private static final int LARGEST_FACTOR = 60;

  private static final int LEAST_SUM = -40;
  private static final int LARGEST_SUM = 120;

  private final int columns;
  private final float[][] b;
  private final int[][] exponentsB;
  private final int leastExponent;
  private final int largestB;
  private final int[] exponentsA = new int[DEPTH];
  private final int[] top;
  private final int[] low;
  private final int[] high;
  private final float[] scale;

  /**
   * Prepares B.
   *
   * @param b values, by k and column
   * @param bf16 whether the operands are bfloat16 rather than binary16
   */
  WarpgroupProduct(float[][] b, boolean bf16) {
    this.b = b;
    this.columns = b[0].length;
    this.leastExponent = bf16 ? Float.MIN_EXPONENT : -14;
    this.exponentsB = new int[DEPTH][columns];
    int largest = TensorCore.ZERO;
    for (int k = 0; k < DEPTH; k++) {
      for (int j = 0; j < columns; j++) {
        int exponent = TensorCore.exponent(b[k][j], leastExponent);
        exponentsB[k][j] = exponent;
        largest = Math.max(largest, exponent);
      }
    }
    this.largestB = largest;
    this.top = new int[columns];
    this.low = new int[columns];
    this.high = new int[columns];
    this.scale = new float[columns];
  }

  /** Adds the product of one row of A, 16 values, to that row of the sums. */
  void addRow(float[] a, float[] sums) {
    int largestA = TensorCore.ZERO;
    for (int k = 0; k < DEPTH; k++) {
      exponentsA[k] = TensorCore.exponent(a[k], leastExponent);
      largestA = Math.max(largestA, exponentsA[k]);
    }
    if (largestA > LARGEST_FACTOR || largestB > LARGEST_FACTOR) {
      addGeneral(a, sums);
      return;
    }
    Arrays.fill(top, 2 * TensorCore.ZERO);
    for (int k = 0; k < DEPTH; k += 4) {
      raise(exponentsB, exponentsA, k, top);
    }
    if (!align(sums)) {
      addGeneral(a, sums);
      return;
    }
    start(sums, scale, low);
    Arrays.fill(high, 0);
    for (int k = 0; k < DEPTH; k += 4) {
      addProducts(b, a, k, scale, k < 8 ? low : high);
    }
    if (overflow()) {
      addGeneral(a, sums);
      return;
    }
    finish(low, high, scale, sums);
  }

  /**
   * Sets the scales that turn granularities to one.
   *
   * @return false if an exponent is not moderate
   */
  private boolean align(float[] sums) {
    int doubtful = 0;
    for (int j = 0; j < columns; j++) {
      int ofSum = (Float.floatToRawIntBits(sums[j]) >>> 23 & 255) - 127;
      int exponent = Math.max(top[j], ofSum);
      if (exponent < LEAST_SUM && top[j] <= TensorCore.ZERO / 2 && sums[j] == 0f) {
        exponent = 0; // All summands are zero.
      }
      doubtful |= (exponent - LEAST_SUM) | (LARGEST_SUM - exponent);
      scale[j] = Float.intBitsToFloat((127 + FRACTION_BITS - exponent) << 23);
    }
    return doubtful >= 0;
  }

  /** Whether the two halves of a sum, below 2³¹ each, together are not. */
  private boolean overflow() {
    int found = 0;
    for (int j = 0; j < columns; j++) {
      int sum = low[j] + high[j];
      found |= (sum ^ low[j]) & (sum ^ high[j]);
    }
    return found < 0;
  }

  private void addGeneral(float[] a, float[] sums) {
    for (int j = 0; j < columns; j++) {
      sums[j] = general(a, j, sums[j]);
    }
  }

  /** Takes the exponents of four products into account. */
  private static void raise(int[][] b, int[] a, int k, int[] result) {
    int[] b0 = b[k];
    int[] b1 = b[k + 1];
    int[] b2 = b[k + 2];
    int[] b3 = b[k + 3];
    int a0 = a[k];
    int a1 = a[k + 1];
    int a2 = a[k + 2];
    int a3 = a[k + 3];
    for (int j = 0; j < result.length; j++) {
      int x = Math.max(Math.max(a0 + b0[j], a1 + b1[j]), Math.max(a2 + b2[j], a3 + b3[j]));
      result[j] = Math.max(result[j], x);
    }
  }

  /** Adds four products, each cut off toward zero. */
  private static void addProducts(float[][] b, float[] a, int k, float[] scale, int[] result) {
    float[] b0 = b[k];
    float[] b1 = b[k + 1];
    float[] b2 = b[k + 2];
    float[] b3 = b[k + 3];
    float a0 = a[k];
    float a1 = a[k + 1];
    float a2 = a[k + 2];
    float a3 = a[k + 3];
    for (int j = 0; j < result.length; j++) {
      float s = scale[j];
      int x = (int) (a0 * b0[j] * s) + (int) (a1 * b1[j] * s);
      int y = (int) (a2 * b2[j] * s) + (int) (a3 * b3[j] * s);
      result[j] += x + y;
    }
  }

  private static void start(float[] sums, float[] scale, int[] result) {
    for (int j = 0; j < result.length; j++) {
      result[j] = (int) (sums[j] * scale[j]);
    }
  }

  /** Adds the halves and cuts them off to binary32 toward zero. */
  private static void finish(int[] low, int[] high, float[] scale, float[] sums) {
    for (int j = 0; j < sums.length; j++) {
      int sum = low[j] + high[j];
      // The bits of the magnitude beyond the 24 of binary32 are cleared.
      int magnitude = Math.abs(sum);
      int excess = magnitude >>> 24;
      excess |= excess >>> 1;
      excess |= excess >>> 2;
      excess |= excess >>> 4;
      magnitude &= ~excess;
      int sign = sum >> 31;
      sums[j] = (float) ((magnitude ^ sign) - sign) / scale[j];
    }
  }

  private float general(float[] a, int column, float sum) {
    double[] left = new double[DEPTH];
    double[] right = new double[DEPTH];
    int[] leftExponents = new int[DEPTH];
    int[] rightExponents = new int[DEPTH];
    boolean finite = Float.isFinite(sum);
    for (int k = 0; k < DEPTH; k++) {
      left[k] = a[k];
      right[k] = b[k][column];
      leftExponents[k] = TensorCore.exponent(a[k], leastExponent);
      rightExponents[k] = exponentsB[k][column];
      finite &= Float.isFinite(a[k]) && Float.isFinite(b[k][column]);
    }
    return finite
        ? CORE.dot(left, leftExponents, 0, right, rightExponents, 0, DEPTH, sum)
        : TensorCore.special(left, 0, right, 0, DEPTH, sum);
  }
}
