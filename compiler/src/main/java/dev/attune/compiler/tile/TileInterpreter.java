package dev.attune.compiler.tile;

import dev.attune.compiler.schedule.Batching;
import dev.attune.compiler.spec.Bindings;
import dev.attune.compiler.spec.NdArray;
import dev.attune.compiler.spec.Normalization;
import dev.attune.compiler.spec.Operand;
import dev.attune.compiler.spec.Output;
import dev.attune.compiler.spec.Shape;
import dev.attune.compiler.tile.Op.Items;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.stream.LongStream;

/**
 * Runs a tile kernel for a whole problem, in binary64. What differs from the reference beyond
 * rounding is a defect of the lowering or of a pass.
 *
 * <p>A tile reaches its channel's buffer at some moment between put and get, a released buffer is
 * overwritten at once or later, and an issued product reads its operands when it is issued or when
 * it is awaited, all drawn from the seed: reading a tile after its release reads NaN or the wrong
 * tile. So is the order in which roles and CTAs take turns, of one operation or of many; a kernel
 * that keeps the rules computes the same whatever the seed. Of a kernel that claims work items a
 * few CTAs run, in the order of {@link Work}. Partial rows are kept lane by lane. Outputs start as
 * NaN.
 */
public final class TileInterpreter {
  /** How many CTAs of a persistent kernel run: fewer than the items of most problems. */
  private static final int CTAS = 3;

  private TileInterpreter() {}

  /**
   * How to run.
   *
   * @param rounding round as a kernel does: casts to the dtype, all other results to binary32, sums
   *     of products after each addition; otherwise nothing is rounded, casts included
   * @param seed of all that a device leaves open: when things happen and who goes first
   */
  public record Options(boolean rounding, long seed) {}

  /**
   * The outputs.
   *
   * @param o [B, Sq, Hq, Dv]
   * @param lse [B, Hq, Sq], for kernels with a softmax
   * @param maxScore [B, Hq, Sq], where the spec asks for it
   * @param tiles how many kv tiles the loops of the CTAs have visited, by phase, counted for each
   *     copy of a role, and not where a role only puts them
   */
  @SuppressWarnings("ArrayRecordComponent") // Bulk data: identity is the only useful equality.
  public record Result(
      double[] o, Optional<double[]> lse, Optional<double[]> maxScore, Map<Op.Phase, Long> tiles) {}

  /**
   * Runs a kernel for every work item.
   *
   * @param bindings with the lengths of the sequences unless the kernel is for dense batches; rows
   *     beyond a sequence's end are neither read nor written then
   * @param q [B, Sq, Hq, Dqk], already rounded to the kernel's dtype; likewise {@code k} [B, Skv,
   *     Hkv, Dqk] and {@code v} [B, Skv, Hkv, Dv]
   * @throws InvalidTileKernelException where all roles wait for ever, with what each waits for;
   *     where a tile is left in a channel or a product is not awaited; where a row of an output is
   *     not written once
   */
  public static Result run(
      TileKernel kernel, Bindings bindings, NdArray q, NdArray k, NdArray v, Options options) {
    Shape shape = bindings.shape();
    if ((kernel.batching() == Batching.DENSE) == bindings.lengths().isPresent()) {
      throw new IllegalArgumentException(
          "a kernel of %s batches, lengths of sequences %s"
              .formatted(
                  kernel.batching().name().toLowerCase(Locale.ROOT),
                  bindings.lengths().isPresent() ? "given" : "missing"));
    }
    if (!shape.headDim().equals(kernel.headDim())) {
      throw new IllegalArgumentException(
          "a kernel of head dim %s, a problem of %s".formatted(kernel.headDim(), shape.headDim()));
    }
    requireShape("q", q, shape.batch(), shape.seq(), shape.heads(), shape.headDim().qk());
    requireShape("k", k, shape.batch(), shape.kvSeq(), shape.kvHeads(), shape.headDim().qk());
    requireShape("v", v, shape.batch(), shape.kvSeq(), shape.kvHeads(), shape.headDim().v());
    Memory memory = new Memory(kernel, bindings, q, k, v);
    Run run = new Run(kernel, bindings, memory, options);
    Map<Op.Phase, Long> tiles =
        claimed(kernel)
            .map(
                items ->
                    run.persistent(Work.of(kernel, bindings, s -> WorkOrder.of(kernel, items, s))))
            .orElseGet(run::separate);
    memory.requireWritten();
    boolean softmax = kernel.spec().normalization() instanceof Normalization.Softmax;
    boolean largest = kernel.spec().outputs().contains(Output.MAX_SCORE);
    return new Result(
        memory.output(Operand.O),
        softmax ? Optional.of(memory.output(Operand.LSE)) : Optional.empty(),
        largest ? Optional.of(memory.output(Operand.MAX_SCORE)) : Optional.empty(),
        tiles);
  }

  private static Optional<Items.Claimed> claimed(TileKernel kernel) {
    return Ops.all(kernel.body())
        .filter(op -> op instanceof Op.ForItems loop && loop.items() instanceof Items.Claimed)
        .map(op -> (Items.Claimed) ((Op.ForItems) op).items())
        .findFirst();
  }

  private record Run(TileKernel kernel, Bindings bindings, Memory memory, Options options) {

    /** A CTA for each item, one after another or at the same time. */
    Map<Op.Phase, Long> separate() {
      Work work = Work.of(kernel, bindings, s -> WorkOrder.of(kernel, 1, s));
      return total(
          LongStream.range(0, work.items())
              .parallel()
              .mapToObj(
                  i -> {
                    SplittableRandom random = random(i);
                    return run(
                        List.of(cta("", new Cta.Counter(work), random).enter(work.item(i))),
                        random);
                  })
              .toList());
    }

    /** A few CTAs that claim items from one counter. */
    Map<Op.Phase, Long> persistent(Work work) {
      SplittableRandom random = random(0);
      Cta.Counter counter = new Cta.Counter(work);
      List<Cta> ctas =
          LongStream.range(0, Math.min(CTAS, work.items()))
              .mapToObj(i -> cta("CTA " + i + " ", counter, random))
              .toList();
      return run(ctas, random);
    }

    private Cta cta(String name, Cta.Counter counter, SplittableRandom random) {
      return new Cta(name, kernel, bindings, memory, counter, options.rounding(), random);
    }

    // One stream of draws for each run of a CTA, whatever thread runs it.
    private SplittableRandom random(long number) {
      return new SplittableRandom(options.seed() * 0x9E3779B9L + number);
    }

    private Map<Op.Phase, Long> run(List<Cta> ctas, SplittableRandom random) {
      String name = "kernel " + kernel.spec().name();
      List<Worker> workers = ctas.stream().flatMap(cta -> cta.workers().stream()).toList();
      Interleaving.run(name, workers, random);
      ctas.forEach(cta -> cta.requireEmpty(name));
      return total(workers.stream().map(Worker::tiles).toList());
    }

    private static Map<Op.Phase, Long> total(List<Map<Op.Phase, Long>> counts) {
      Map<Op.Phase, Long> tiles = new EnumMap<>(Op.Phase.class);
      for (Op.Phase phase : Op.Phase.values()) {
        tiles.put(phase, counts.stream().mapToLong(of -> of.getOrDefault(phase, 0L)).sum());
      }
      return Map.copyOf(tiles);
    }
  }

  private static void requireShape(String name, NdArray array, int... shape) {
    if (!Arrays.equals(array.shape(), shape)) {
      throw new IllegalArgumentException(
          "%s has shape %s, expected %s"
              .formatted(name, Arrays.toString(array.shape()), Arrays.toString(shape)));
    }
  }
}
