package dev.attune.runtime;

import dev.attune.compiler.spec.Shape;
import java.util.List;

/**
 * A launch whose arguments have been checked, as devices take it.
 *
 * @param gridX CTAs along x
 * @param gridY CTAs along y
 * @param gridZ CTAs along z
 * @param block the kernel's parameters, little-endian, each aligned as its type asks
 * @param offsets where in the block each parameter starts
 * @param outputs what the kernel writes, every byte exactly once
 */
@SuppressWarnings("ArrayRecordComponent") // Bulk data: identity is the only useful equality.
public record LaunchPlan(
    Shape shape,
    int gridX,
    int gridY,
    int gridZ,
    byte[] block,
    int[] offsets,
    List<Output> outputs) {

  public LaunchPlan {
    outputs = List.copyOf(outputs);
  }

  /** A tensor that the kernel writes. */
  public record Output(String name, Tensor tensor) {

    /** The tensor's bytes, every one in exactly one run. */
    public List<Runs> runs() {
      return Footprint.of(tensor).runs();
    }
  }

  /**
   * Equal pieces of memory at equal distances.
   *
   * @param address of the first
   * @param bytes of each
   * @param count at least one
   * @param stride distance between the starts of neighbours, in bytes
   */
  public record Runs(long address, long bytes, long count, long stride) {}

  /** Whether there is nothing to do. */
  public boolean isEmpty() {
    return gridX == 0 || gridY == 0 || gridZ == 0;
  }
}
