package dev.attune.ptx.emulate;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.SplittableRandom;
import java.util.function.DoubleSupplier;
import java.util.function.IntSupplier;
import org.junit.jupiter.api.Test;

/** The fast sums of {@code wgmma} have the bits of the model that {@code mma} follows. */
final class WarpgroupProductTest {
  private static final int COLUMNS = 24;
  private static final TensorCore CORE = new TensorCore(true);

  private static void compare(boolean bf16, IntSupplier half, DoubleSupplier start) {
    float[][] b = new float[WarpgroupProduct.DEPTH][COLUMNS];
    for (float[] row : b) {
      for (int j = 0; j < COLUMNS; j++) {
        row[j] = value(half.getAsInt(), bf16);
      }
    }
    WarpgroupProduct product = new WarpgroupProduct(b, bf16);
    for (int repetition = 0; repetition < 8; repetition++) {
      float[] a = new float[WarpgroupProduct.DEPTH];
      for (int k = 0; k < a.length; k++) {
        a[k] = value(half.getAsInt(), bf16);
      }
      float[] sums = new float[COLUMNS];
      float[] expected = new float[COLUMNS];
      for (int j = 0; j < COLUMNS; j++) {
        sums[j] = (float) start.getAsDouble();
        expected[j] = model(a, b, j, bf16, sums[j]);
      }
      product.addRow(a, sums);
      for (int j = 0; j < COLUMNS; j++) {
        assertEquals(
            Integer.toHexString(Scalars.bits(expected[j])),
            Integer.toHexString(Scalars.bits(sums[j])));
      }
    }
  }

  private static float value(int half, boolean bf16) {
    return bf16 ? Scalars.fromBf16(half & 0xFFFF) : Scalars.fromF16(half & 0xFFFF);
  }

  private static float model(float[] a, float[][] b, int column, boolean bf16, float sum) {
    int n = a.length;
    double[] left = new double[n];
    double[] right = new double[n];
    int[] leftExponents = new int[n];
    int[] rightExponents = new int[n];
    int least = bf16 ? -126 : -14;
    boolean finite = Float.isFinite(sum);
    for (int k = 0; k < n; k++) {
      left[k] = a[k];
      right[k] = b[k][column];
      leftExponents[k] = TensorCore.exponent(a[k], least);
      rightExponents[k] = TensorCore.exponent(b[k][column], least);
      finite &= Double.isFinite(left[k]) && Double.isFinite(right[k]);
    }
    return finite
        ? CORE.dot(left, leftExponents, 0, right, rightExponents, 0, n, sum)
        : TensorCore.special(left, 0, right, 0, n, sum);
  }

  @Test
  void ordinaryNumbers() {
    SplittableRandom random = new SplittableRandom(1);
    for (int i = 0; i < 50; i++) {
      compare(true, () -> Scalars.toBf16((float) random.nextGaussian()), random::nextGaussian);
      compare(false, () -> Scalars.toF16((float) random.nextGaussian()), random::nextGaussian);
    }
  }

  @Test
  void numbersOfAllSizes() {
    SplittableRandom random = new SplittableRandom(2);
    for (int i = 0; i < 50; i++) {
      int spread = 1 + i * 2;
      compare(
          true,
          () -> {
            double size = Math.scalb(random.nextGaussian(), random.nextInt(-spread, spread));
            return Scalars.toBf16((float) size);
          },
          () -> Math.scalb(random.nextGaussian(), random.nextInt(-spread, spread)));
    }
  }

  @Test
  void anyBits() {
    SplittableRandom random = new SplittableRandom(3);
    for (int i = 0; i < 50; i++) {
      compare(true, random::nextInt, () -> Float.intBitsToFloat(random.nextInt()));
      compare(false, random::nextInt, () -> Float.intBitsToFloat(random.nextInt()));
    }
  }

  @Test
  void zerosAndTheLargestSums() {
    SplittableRandom random = new SplittableRandom(4);
    for (int i = 0; i < 50; i++) {
      compare(true, () -> random.nextInt(4) == 0 ? 0x3F80 : 0, () -> random.nextInt(2));
      compare(true, () -> 0, () -> 0);
      // Sixteen products just below four of one sign exceed 31 bits.
      compare(true, () -> 0x3FFF, () -> 3.9999998);
      compare(false, () -> 0x3FFF, () -> -3.9999998);
      compare(false, () -> random.nextBoolean() ? 0x3FFF : 0xBFFF, () -> 3.9999998);
    }
  }
}
