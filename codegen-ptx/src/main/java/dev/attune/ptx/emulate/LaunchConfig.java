package dev.attune.ptx.emulate;

import java.util.List;

/**
 * One launch.
 *
 * @param dynamicSharedBytes size of the {@code .extern .shared} array
 * @param outputs the bytes that must be written; an allocation that holds one may be written
 *     nowhere else, while allocations that hold none may be written freely
 */
public record LaunchConfig(
    Dim3 grid,
    Dim3 block,
    int dynamicSharedBytes,
    List<OutputRegion> outputs,
    EmulatorOptions options) {
  public LaunchConfig {
    outputs = List.copyOf(outputs);
    if (dynamicSharedBytes < 0) {
      throw new IllegalArgumentException("The dynamic shared memory cannot be negative.");
    }
    if (block.count() > 1024) {
      throw new IllegalArgumentException(
          "A block has at most 1024 threads, found " + block.count() + ".");
    }
  }
}
