package dev.attune.ptx.compile;

import dev.attune.compiler.schedule.Batching;
import dev.attune.compiler.schedule.Target;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.HeadDim;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/**
 * What kernels of a spec are wanted: all that a launch of such tensors on a device may choose from.
 *
 * @param targets that run on the device, in order of preference, at least one
 * @param batching how the sequences of a batch lie
 */
public record Request(List<Target> targets, Dtype dtype, HeadDim headDim, Batching batching) {

  public Request {
    targets = List.copyOf(targets);
    if (targets.isEmpty()) {
      throw new IllegalArgumentException(
          "no targets, expected at least one of "
              + Arrays.stream(Target.values())
                  .map(Target::ptxName)
                  .collect(Collectors.joining(", ")));
    }
  }

  /** For dense batches. */
  public Request(List<Target> targets, Dtype dtype, HeadDim headDim) {
    this(targets, dtype, headDim, Batching.DENSE);
  }

  /**
   * Refuses what a spec rules out itself.
   *
   * @throws IllegalArgumentException if the spec fixes another dtype or head dimension
   */
  public void requireFor(AttentionSpec spec) {
    spec.dtype()
        .filter(d -> d != dtype)
        .ifPresent(d -> fail(spec, "dtype " + d.keyword(), dtype.keyword()));
    spec.headDim()
        .filter(d -> !d.equals(headDim))
        .ifPresent(d -> fail(spec, "head_dim " + d, headDim.toString()));
  }

  private static void fail(AttentionSpec spec, String fixed, String asked) {
    throw new IllegalArgumentException(
        "%s says %s, but %s was asked for".formatted(spec.name(), fixed, asked));
  }

  /** The targets' names in a sentence. */
  String targetNames() {
    return targets.stream().map(Target::ptxName).collect(Collectors.joining(", "));
  }
}
