package dev.attune.ptx.emulate;

/** Extents of a grid or of a block, each at least one. */
public record Dim3(int x, int y, int z) {
  public Dim3 {
    if (x < 1 || y < 1 || z < 1) {
      throw new IllegalArgumentException(
          "Extents must be positive, found " + x + " x " + y + " x " + z + ".");
    }
    Math.multiplyExact(Math.multiplyExact(x, y), z);
  }

  /** The extents {@code (x, 1, 1)}. */
  public static Dim3 of(int x) {
    return new Dim3(x, 1, 1);
  }

  /** The extents {@code (x, y, 1)}. */
  public static Dim3 of(int x, int y) {
    return new Dim3(x, y, 1);
  }

  /** Number of points. */
  public int count() {
    return x * y * z;
  }

  @Override
  public String toString() {
    return "(" + x + ", " + y + ", " + z + ")";
  }
}
