package dev.attune.compiler.tile;

import dev.attune.compiler.analysis.KvBounds;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.HeadDim;
import java.util.List;

/**
 * The work of one CTA: query rows [qTile·rows, qTile·rows + rows) of one batch element and head.
 *
 * @param dtype what HALF stands for
 * @param rows query rows of a CTA
 * @param cols keys of a kv tile
 * @param qTile the CTA's query tile, an Int
 * @param order how CTAs in launch order map to query tiles
 */
public record TileKernel(
    AttentionSpec spec,
    Dtype dtype,
    HeadDim headDim,
    int rows,
    int cols,
    Value qTile,
    Order order,
    List<Op> body) {

  /** First query position of the CTA's tile, in scalar expressions. */
  public static final Expr.Var Q_FIRST = KvBounds.Q_FIRST;

  /** Last query position of the CTA's tile that is before Sq, in scalar expressions. */
  public static final Expr.Var Q_LAST = KvBounds.Q_LAST;

  public TileKernel {
    body = List.copyOf(body);
  }

  /** The same kernel with another body. */
  public TileKernel withBody(List<Op> newBody) {
    return new TileKernel(spec, dtype, headDim, rows, cols, qTile, order, newBody);
  }

  /** The order in which query tiles start: those with most work first. */
  public enum Order {
    ASCENDING,
    DESCENDING
  }
}
