package dev.attune.runtime;

import dev.attune.compiler.spec.Shape;
import java.util.List;
import java.util.Optional;

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

  /**
   * A tensor that the kernel writes.
   *
   * @param sequences of which only the tokens of sequences are written
   */
  public record Output(String name, Tensor tensor, Optional<Sequences> sequences) {

    /** The bytes to be written, every one in exactly one run; none where only the device knows. */
    public List<Runs> runs() {
      return sequences.map(s -> s.parts(tensor)).orElse(List.of(tensor)).stream()
          .flatMap(part -> Footprint.of(part).runs().stream())
          .toList();
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
