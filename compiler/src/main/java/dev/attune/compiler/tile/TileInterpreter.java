package dev.attune.compiler.tile;

import dev.attune.compiler.spec.Bindings;
import dev.attune.compiler.spec.NdArray;
import dev.attune.compiler.spec.Normalization;
import dev.attune.compiler.spec.Output;
import dev.attune.compiler.spec.Shape;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/**
 * Runs a tile kernel for a whole problem, in binary64. What differs from the reference beyond
 * rounding is a defect of the lowering or of a pass.
 *
 * <p>A tile reaches its channel's buffer at some moment between put and get, and a released buffer
 * is overwritten at once or later, both drawn from the seed: reading a tile after its release reads
 * NaN or the wrong tile. Partial rows are kept lane by lane. Outputs start as NaN.
 */
public final class TileInterpreter {
  private TileInterpreter() {}

  /**
   * How to run.
   *
   * @param rounding round as a kernel does: casts to the dtype, all other results to binary32, sums
   *     of products after each addition; otherwise nothing is rounded, casts included
   * @param seed of the moments at which tiles arrive and buffers are overwritten
   */
  public record Options(boolean rounding, long seed) {}

  /**
   * The outputs.
   *
   * @param o [B, Sq, Hq, Dv]
   * @param lse [B, Hq, Sq], for kernels with a softmax
   * @param maxScore [B, Hq, Sq], where the spec asks for it
   * @param tiles how many kv tiles the CTAs have visited, by phase
   */
  @SuppressWarnings("ArrayRecordComponent") // Bulk data: identity is the only useful equality.
  public record Result(
      double[] o, Optional<double[]> lse, Optional<double[]> maxScore, Map<Op.Phase, Long> tiles) {}

  /**
   * Runs every CTA.
   *
   * @param q [B, Sq, Hq, Dqk], already rounded to the kernel's dtype; likewise {@code k} [B, Skv,
   *     Hkv, Dqk] and {@code v} [B, Skv, Hkv, Dv]
   * @throws InvalidTileKernelException where the kernel waits for ever, overfills a channel, or
   *     leaves a tile in it
   */
  public static Result run(
      TileKernel kernel, Bindings bindings, NdArray q, NdArray k, NdArray v, Options options) {
    Shape shape = bindings.shape();
    if (!shape.headDim().equals(kernel.headDim())) {
      throw new IllegalArgumentException(
          "a kernel of head dim %s, a problem of %s".formatted(kernel.headDim(), shape.headDim()));
    }
    requireShape("q", q, shape.batch(), shape.seq(), shape.heads(), shape.headDim().qk());
    requireShape("k", k, shape.batch(), shape.kvSeq(), shape.kvHeads(), shape.headDim().qk());
    requireShape("v", v, shape.batch(), shape.kvSeq(), shape.kvHeads(), shape.headDim().v());
    int rows = Math.multiplyExact(shape.batch() * shape.heads(), shape.seq());
    boolean softmax = kernel.spec().normalization() instanceof Normalization.Softmax;
    boolean largest = kernel.spec().outputs().contains(Output.MAX_SCORE);
    Problem problem =
        new Problem(
            kernel,
            bindings,
            q,
            k,
            v,
            poison(rows * shape.headDim().v()),
            poison(softmax ? rows : 0),
            poison(largest ? rows : 0),
            options.rounding());
    int qTiles = (shape.seq() + kernel.rows() - 1) / kernel.rows();
    int ctas = Math.multiplyExact(qTiles, shape.batch() * shape.heads());
    List<Map<Op.Phase, Long>> visited =
        IntStream.range(0, ctas)
            .parallel()
            .mapToObj(
                i -> {
                  int head = i / qTiles % shape.heads();
                  int batch = i / qTiles / shape.heads();
                  // One stream of draws for each CTA, whatever thread runs it.
                  SplittableRandom random = new SplittableRandom(options.seed() * 0x9E3779B9L + i);
                  return new Cta(problem, batch, head, i % qTiles, random).run();
                })
            .toList();
    Map<Op.Phase, Long> tiles = new EnumMap<>(Op.Phase.class);
    for (Op.Phase phase : Op.Phase.values()) {
      tiles.put(phase, visited.stream().mapToLong(of -> of.getOrDefault(phase, 0L)).sum());
    }
    return new Result(
        problem.o(),
        softmax ? Optional.of(problem.lse()) : Optional.empty(),
        largest ? Optional.of(problem.maxScore()) : Optional.empty(),
        Map.copyOf(tiles));
  }

  /** What all CTAs of a run share; each writes rows of the outputs that no other writes. */
  @SuppressWarnings("ArrayRecordComponent")
  record Problem(
      TileKernel kernel,
      Bindings bindings,
      NdArray q,
      NdArray k,
      NdArray v,
      double[] o,
      double[] lse,
      double[] maxScore,
      boolean rounding) {}

  private static double[] poison(int length) {
    double[] data = new double[length];
    Arrays.fill(data, Double.NaN);
    return data;
  }

  private static void requireShape(String name, NdArray array, int... shape) {
    if (!Arrays.equals(array.shape(), shape)) {
      throw new IllegalArgumentException(
          "%s has shape %s, expected %s"
              .formatted(name, Arrays.toString(array.shape()), Arrays.toString(shape)));
    }
  }
}
