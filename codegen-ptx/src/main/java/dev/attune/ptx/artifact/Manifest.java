package dev.attune.ptx.artifact;

import dev.attune.compiler.schedule.Batching;
import dev.attune.compiler.schedule.Lengths;
import dev.attune.compiler.schedule.Target;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.compiler.spec.Shape;
import java.util.List;
import java.util.Optional;

/**
 * How to launch a kernel: everything a host needs besides the PTX.
 *
 * <p>There are {@code ceil(Sq / rowsPerBlock) · Hq · B} items of work, or, where the query heads of
 * a group share an item, {@code ceil(Sq / ⌊rowsPerBlock / group⌋) · Hkv · B}; a launch without any
 * does nothing. Where sequences have their own lengths, only the device knows how many items they
 * have: Sq, the most queries of one, and the number of tokens bound them.
 *
 * @param spec name of the attention
 * @param entry name of the PTX entry
 * @param grid how items become CTAs
 * @param batching how the sequences of a batch lie
 * @param queries the query lengths at which the kernel is meant to be fast; it serves all
 * @param threads threads per CTA, one-dimensional
 * @param rowsPerBlock rows of an item
 * @param sharedBytes dynamic shared memory per CTA
 * @param parameters the kernel's parameters in order, each aligned in the block as its type asks
 * @param params the declared run-time scalars, for hosts that have no spec
 * @param tensors the captured tensors, for hosts that have no spec
 * @param step where items are of residue classes, how far apart neighbours of a class are: an int
 *     param or a constant. With n its value a batch element has min(n, Sq) classes, and there are
 *     {@code ceil(ceil(Sq / n) / rowsPerBlock) · Hq · B · min(n, Sq)} items
 * @param family of kernels that this is of; empty where its maker does not say
 * @param schedule how it is arranged, for a reader; empty where its maker does not say
 */
public record Manifest(
    String spec,
    String entry,
    Target target,
    Dtype dtype,
    HeadDim headDim,
    Grid grid,
    Batching batching,
    Lengths queries,
    int threads,
    int rowsPerBlock,
    int sharedBytes,
    List<Parameter> parameters,
    List<Scalar> params,
    List<Captured> tensors,
    Optional<Expr> step,
    String family,
    String schedule) {

  public Manifest {
    parameters = List.copyOf(parameters);
    params = List.copyOf(params);
    tensors = List.copyOf(tensors);
    if (step.isPresent()
        && (batching != Batching.DENSE
            || grid != Grid.PERSISTENT
            || !(step.get() instanceof Expr.Param || step.get() instanceof Expr.IntConst))) {
      throw new IllegalArgumentException(
          "residue classes are of dense batches, and a step is a param or a constant: "
              + step.get());
    }
  }

  /** Of a kernel for dense batches, by hand. */
  public Manifest(
      String spec,
      String entry,
      Target target,
      Dtype dtype,
      HeadDim headDim,
      Grid grid,
      Lengths queries,
      int threads,
      int rowsPerBlock,
      int sharedBytes,
      List<Parameter> parameters,
      List<Scalar> params,
      List<Captured> tensors) {
    this(
        spec,
        entry,
        target,
        dtype,
        headDim,
        grid,
        Batching.DENSE,
        queries,
        threads,
        rowsPerBlock,
        sharedBytes,
        parameters,
        params,
        tensors,
        Optional.empty(),
        "",
        "");
  }

  /** How items of work become CTAs. */
  public enum Grid {
    /**
     * One CTA each: the grid is ({@code ceil(Sq / rowsPerBlock)}, Hq, B), or ({@link #tiles}, Hq,
     * 1) where sequences have their own lengths; CTAs without an item end at once.
     */
    ITEMS,
    /** CTAs take items until none is left: the grid is min(items, SMs of the device). */
    PERSISTENT,
    /** The same, where the query heads of a group share an item. */
    PERSISTENT_PACKED
  }

  /** Whether the query heads of a group share an item: groups then have at most its rows. */
  public boolean packed() {
    return grid == Grid.PERSISTENT_PACKED;
  }

  /**
   * How many tiles the queries of a head of all sequences are cut into, at most.
   *
   * @param tokens of Q where the batch is packed
   */
  public long tiles(Shape shape, long tokens) {
    long all = (long) tiles(shape) * shape.batch();
    return batching == Batching.PACKED ? Math.min(all, tokens / rowsPerBlock + shape.batch()) : all;
  }

  /**
   * How many tiles the queries of a head are cut into; a group has at most {@code rowsPerBlock}
   * heads if they are packed.
   */
  public int tiles(Shape shape) {
    return Math.ceilDiv(shape.seq(), packed() ? rowsPerBlock / shape.group() : rowsPerBlock);
  }

  /** How many items a batch element has. */
  public long items(Shape shape) {
    return (long) tiles(shape) * (packed() ? shape.kvHeads() : shape.heads());
  }

  /** How many rows the items of a batch element have, those that are past the end included. */
  public long rows(Shape shape) {
    return items(shape) * rowsPerBlock;
  }

  /**
   * A declared run-time scalar.
   *
   * @param type {@code int}, {@code float} or {@code bool}
   * @param defaultValue used where a launch gives none
   * @param low least admitted value, −∞ where there is none
   * @param high largest admitted value, +∞ where there is none
   */
  public record Scalar(String name, String type, double defaultValue, double low, double high) {}

  /**
   * A captured tensor.
   *
   * @param type element type: {@code int} (int32), {@code float} (float32) or {@code bool} (one
   *     byte)
   * @param shape extents as expressions over the sizes and int parameters
   */
  public record Captured(String name, String type, List<String> shape) {
    public Captured {
      shape = List.copyOf(shape);
    }
  }
}
