package dev.attune.compiler.tile;

import dev.attune.compiler.spec.Shape;

/**
 * The order in which a kernel's work items are handed out: what item a number of the counter is.
 *
 * <p>The key/value heads of all batch elements, numbered b·Hkv + hkv, are cut into sections of
 * {@link #sectionHeads} heads; the first one may have fewer, because what comes last should be
 * enough for all CTAs to end together. Sections come one after another. Within a section of n
 * key/value heads, query tiles come in the kernel's order, and for each query tile all n·group
 * query heads of the section, ascending. So with w query heads in a section that begins with query
 * head f and item i, item number t of it is query tile (t − i) / w (or, of T tiles, T − 1 − (t − i)
 * / w where the order is descending) of query head f + (t − i) % w, in which query heads are
 * numbered b·Hq + h.
 *
 * <p>A packed kernel's items are of key/value heads: their order is that of a problem with as many
 * query heads.
 *
 * @param shape the problem; with as many query heads as key/value heads where the kernel is packed
 * @param queryTiles of one head
 * @param sectionHeads key/value heads of a section, a power of two
 */
public record WorkOrder(Shape shape, int queryTiles, TileKernel.Order order, int sectionHeads)
    implements Work {

  private static final int ELEMENT_BYTES = 2;

  public WorkOrder {
    if (queryTiles < 0 || sectionHeads < 1) {
      throw new IllegalArgumentException(
          queryTiles + " query tiles, sections of " + sectionHeads + " heads");
    }
  }

  /**
   * One piece of work.
   *
   * @param batch batch element
   * @param head query head; key/value head where the kernel is packed
   * @param tile query tile
   * @param residue the class that it is of, where the kernel is of residue classes; else 0
   */
  public record Item(int batch, int head, int tile, int residue) {
    /** Of a whole sequence. */
    public Item(int batch, int head, int tile) {
      this(batch, head, tile, 0);
    }
  }

  /** The order of a kernel that claims items, for one problem. */
  public static WorkOrder of(TileKernel kernel, Op.Items.Claimed items, Shape shape) {
    return of(kernel, sectionHeads(items.sectionBytes(), shape), shape);
  }

  /** The order in which a kernel with sections of so many heads goes through one problem. */
  static WorkOrder of(TileKernel kernel, int sectionHeads, Shape shape) {
    Shape items =
        kernel.packed()
            ? new Shape(
                shape.batch(),
                shape.kvHeads(),
                shape.kvHeads(),
                shape.seq(),
                shape.kvSeq(),
                shape.headDim())
            : shape;
    return new WorkOrder(items, queryTiles(kernel, shape), kernel.order(), sectionHeads);
  }

  /** How many tiles the queries of one head are cut into. */
  public static int queryTiles(TileKernel kernel, Shape shape) {
    return Math.ceilDiv(shape.seq(), kernel.positions(shape.group()));
  }

  /**
   * The largest power of two of heads whose K and V, of 16-bit elements and at least one key, take
   * at most {@code sectionBytes}; at least 1, and no larger than is needed to hold all heads.
   */
  public static int sectionHeads(long sectionBytes, Shape shape) {
    long headBytes =
        Math.max(1L, shape.kvSeq()) * (shape.headDim().qk() + shape.headDim().v()) * ELEMENT_BYTES;
    long all = (long) shape.batch() * shape.kvHeads();
    int heads = 1;
    while (heads < all && 2L * heads * headBytes <= sectionBytes) {
      heads *= 2;
    }
    return heads;
  }

  @Override
  public long items() {
    return (long) queryTiles * shape.batch() * shape.heads();
  }

  @Override
  public Item item(long number) {
    if (number < 0 || number >= items()) {
      throw new IllegalArgumentException("item " + number + " of " + items());
    }
    long most = (long) sectionHeads * shape.group();
    long missing = Math.floorMod(-(long) shape.batch() * shape.heads(), most);
    long section = (number + missing * queryTiles) / (most * queryTiles);
    long width = section == 0 ? most - missing : most;
    long first = section == 0 ? 0 : section * most - missing;
    long within = number - first * queryTiles;
    int place = (int) (within / width);
    int head = (int) (first + within % width);
    int tile =
        switch (order) {
          case ASCENDING -> place;
          case DESCENDING -> queryTiles - 1 - place;
        };
    return new Item(head / shape.heads(), head % shape.heads(), tile);
  }
}
