package dev.attune.compiler.tile;

import dev.attune.compiler.analysis.KvBounds;
import dev.attune.compiler.analysis.KvTiles;
import dev.attune.compiler.analysis.TestedTiles;
import dev.attune.compiler.schedule.Batching;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.HeadDim;
import java.util.List;
import java.util.Optional;

/**
 * The work of a CTA: items, each some rows of one batch element. Row r of an item is query position
 * qTile·rows + r of the item's query head.
 *
 * <p>The items of a packed kernel are of a key/value head, and their rows of all its query heads:
 * with g heads in the group and p = ⌊rows / g⌋, row r is query position qTile·p + r / g of head
 * hkv·g + r % g. Its rows from p·g on, fewer than g, are idle: what is computed for them is never
 * stored. A packed kernel serves groups of up to {@code rows} heads.
 *
 * <p>Where the spec is of residue classes, so are items: positions are those of the class.
 *
 * @param dtype what HALF stands for
 * @param rows rows of an item
 * @param cols keys of a kv tile
 * @param packed whether an item holds the rows of all query heads of a group
 * @param batching how the sequences of a batch lie; where it is not dense, Sq and Skv are those of
 *     the item's sequence
 * @param qTile the item's query tile, an Int
 * @param order the order in which query tiles are begun
 * @param tested where kv tiles are tested: the index of a kv tile is then the number of one that
 *     passed, or, from their count on, the tile of that number
 */
public record TileKernel(
    AttentionSpec spec,
    Dtype dtype,
    HeadDim headDim,
    int rows,
    int cols,
    boolean packed,
    Batching batching,
    Value qTile,
    Order order,
    Optional<TestedTiles> tested,
    List<Op> body) {

  /** First query position of the item's tile, in scalar expressions. */
  public static final Expr.Var Q_FIRST = KvBounds.Q_FIRST;

  /** Last query position of the item's tile that is before Sq, in scalar expressions. */
  public static final Expr.Var Q_LAST = KvBounds.Q_LAST;

  /** Query position of a role's first row, at most Sq - 1, in scalar expressions. */
  public static final Expr.Var ROLE_FIRST = KvBounds.PART_FIRST;

  /** Query position of a role's last row, at most Sq - 1, in scalar expressions. */
  public static final Expr.Var ROLE_LAST = KvBounds.PART_LAST;

  /** How many kv tiles passed the test, in scalar expressions of a kernel that tests. */
  public static final Expr.Var LIVE_TILES = TestedTiles.LIVE;

  /** How many of them are full. */
  public static final Expr.Var FULL_TILES = TestedTiles.FULL;

  public TileKernel {
    if (packed && (batching != Batching.DENSE || spec.step().isPresent())) {
      throw new IllegalArgumentException("heads share tiles of whole sequences of dense batches");
    }
    if (spec.step().isPresent() && batching != Batching.DENSE) {
      throw new IllegalArgumentException("residue classes are of dense batches only");
    }
    body = List.copyOf(body);
  }

  /** What its items' loops over kv tiles run over. */
  public KvTiles kvTiles() {
    return tested.map(KvTiles::of).orElseGet(() -> KvTiles.of(KvBounds.withoutSearch(spec), cols));
  }

  /** The same kernel with another body. */
  public TileKernel withBody(List<Op> newBody) {
    return new TileKernel(
        spec, dtype, headDim, rows, cols, packed, batching, qTile, order, tested, newBody);
  }

  /** The same kernel, its items holding the rows of all query heads of a group. */
  public TileKernel pack() {
    return new TileKernel(
        spec, dtype, headDim, rows, cols, true, batching, qTile, order, tested, body);
  }

  /** The same kernel for batches whose sequences lie in some way. */
  public TileKernel batched(Batching sequences) {
    return new TileKernel(
        spec, dtype, headDim, rows, cols, packed, sequences, qTile, order, tested, body);
  }

  /**
   * Query positions of an item.
   *
   * @param group query heads of a key/value head
   * @throws IllegalArgumentException where an item has not a row for each of them
   */
  public int positions(int group) {
    if (packed && group > rows) {
      throw new IllegalArgumentException(
          "items of %d rows, but groups of %d query heads".formatted(rows, group));
    }
    return packed ? rows / group : rows;
  }

  /** The order in which query tiles start: those with most work first. */
  public enum Order {
    ASCENDING,
    DESCENDING
  }
}
