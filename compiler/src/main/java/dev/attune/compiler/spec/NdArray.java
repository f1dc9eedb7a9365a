package dev.attune.compiler.spec;

import java.util.Arrays;

/**
 * A dense row-major array in host memory.
 *
 * @param shape extents; their product is the number of elements
 * @param data {@code float[]} for FLOAT, {@code int[]} for INT, {@code byte[]} of 0 and 1 for BOOL
 */
@SuppressWarnings("ArrayRecordComponent") // Bulk data: identity is the only useful equality.
public record NdArray(int[] shape, Object data) {

  public NdArray {
    long count = count(shape);
    int length =
        switch (data) {
          case float[] f -> f.length;
          case int[] i -> i.length;
          case byte[] b -> b.length;
          default -> throw new IllegalArgumentException("data of " + data.getClass());
        };
    if (length != count) {
      throw new IllegalArgumentException(
          "shape " + Arrays.toString(shape) + " has " + count + " elements, data " + length);
    }
  }

  /** A float array of zeros. */
  public static NdArray floats(int... shape) {
    return new NdArray(shape.clone(), new float[Math.toIntExact(count(shape))]);
  }

  /** The number of elements of a shape. */
  public static long count(int... shape) {
    long n = 1;
    for (int s : shape) {
      n = Math.multiplyExact(n, (long) s);
    }
    return n;
  }

  /** The element type. */
  public ScalarType type() {
    return switch (data) {
      case float[] f -> ScalarType.FLOAT;
      case int[] i -> ScalarType.INT;
      default -> ScalarType.BOOL;
    };
  }

  /** The elements of a FLOAT array, not copied. */
  public float[] floats() {
    return (float[]) data;
  }

  /** The elements of an INT array, not copied. */
  public int[] ints() {
    return (int[]) data;
  }

  /** The elements of a BOOL array as 0 and 1, not copied. */
  public byte[] bools() {
    return (byte[]) data;
  }

  /** The element at a linear index as a number: bools as 0 and 1. */
  public double number(int index) {
    return switch (data) {
      case float[] f -> f[index];
      case int[] i -> i[index];
      case byte[] b -> b[index];
      default -> throw new AssertionError(data);
    };
  }
}
