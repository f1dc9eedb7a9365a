package dev.attune.compiler.tile;

import dev.attune.compiler.analysis.KvBounds;
import dev.attune.compiler.analysis.TestedTiles;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.HeadDim;
import java.util.List;
import java.util.Optional;

/**
 * The work of a CTA: items, each the query rows [qTile·rows, qTile·rows + rows) of one batch
 * element and head.
 *
 * @param dtype what HALF stands for
 * @param rows query rows of an item
 * @param cols keys of a kv tile
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
    Value qTile,
    Order order,
    Optional<TestedTiles> tested,
    List<Op> body) {

  /** First query position of the item's tile, in scalar expressions. */
  public static final Expr.Var Q_FIRST = KvBounds.Q_FIRST;

  /** Last query position of the item's tile that is before Sq, in scalar expressions. */
  public static final Expr.Var Q_LAST = KvBounds.Q_LAST;

  /** First query position of a role's rows, at most Sq - 1, in scalar expressions. */
  public static final Expr.Var ROLE_FIRST = KvBounds.PART_FIRST;

  /** Last query position of a role's rows, at most Sq - 1, in scalar expressions. */
  public static final Expr.Var ROLE_LAST = KvBounds.PART_LAST;

  /** How many kv tiles passed the test, in scalar expressions of a kernel that tests. */
  public static final Expr.Var LIVE_TILES = TestedTiles.LIVE;

  /** How many of them are full. */
  public static final Expr.Var FULL_TILES = TestedTiles.FULL;

  public TileKernel {
    body = List.copyOf(body);
  }

  /** The same kernel with another body. */
  public TileKernel withBody(List<Op> newBody) {
    return new TileKernel(spec, dtype, headDim, rows, cols, qTile, order, tested, newBody);
  }

  /** The order in which query tiles start: those with most work first. */
  public enum Order {
    ASCENDING,
    DESCENDING
  }
}
