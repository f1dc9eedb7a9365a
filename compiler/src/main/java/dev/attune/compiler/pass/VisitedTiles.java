package dev.attune.compiler.pass;

import dev.attune.compiler.analysis.KvTiles;
import dev.attune.compiler.spec.BinaryOp;
import dev.attune.compiler.spec.CompareOp;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.Extent;
import dev.attune.compiler.spec.Simplify;
import java.util.Optional;

/**
 * The kv tiles that a loop peeled of its last tile visits: at least one, {@code from <= fullFrom <=
 * fullTo <= last}. The tiles of [fullFrom, fullTo) are full; of {@code last} nothing is known.
 *
 * @param fullFrom present where the mask has full tiles and dead keys before them
 * @param fullTo present where the mask has full tiles and dead keys after them; else they end at
 *     {@code last}
 */
record VisitedTiles(Expr from, Expr last, Optional<Expr> fullFrom, Optional<Expr> fullTo) {

  VisitedTiles {
    from = Simplify.simplify(from);
    last = Simplify.simplify(last);
    fullFrom = fullFrom.map(Simplify::simplify);
    fullTo = fullTo.map(Simplify::simplify);
  }

  /**
   * The live tiles of an item, or, if it has none, the tile past the last key, which loads as
   * zeros.
   */
  static VisitedTiles ofItem(KvTiles tiles) {
    Expr past =
        Exprs.add(
            new Expr.Binary(
                BinaryOp.FLOOR_DIV, new Expr.Size(Extent.SKV), Exprs.of((long) tiles.cols())),
            Exprs.of(1L));
    Expr some = new Expr.Compare(CompareOp.LE, tiles.from(), tiles.last());
    Expr from = new Expr.Select(some, tiles.from(), past);
    return ordered(tiles, from, Exprs.max(tiles.last(), from));
  }

  /** Of the tiles of an item those that are live for some of its rows, or one of them. */
  VisitedTiles ofRows(KvTiles item, KvTiles rows) {
    Expr first = rows.from().equals(item.from()) ? from : clamp(rows.from(), from, last);
    Expr end = rows.last().equals(item.last()) ? last : clamp(rows.last(), first, last);
    return ordered(rows, first, end);
  }

  private static VisitedTiles ordered(KvTiles tiles, Expr from, Expr last) {
    Optional<Expr> fullFrom = tiles.fullFrom().map(e -> clamp(e, from, last));
    Optional<Expr> fullTo =
        tiles.bounded()
            ? tiles.fullTo().map(e -> clamp(e, fullFrom.orElse(from), last))
            : Optional.empty();
    return new VisitedTiles(from, last, fullFrom, fullTo);
  }

  /** One past the last tile. */
  Expr to() {
    return Simplify.simplify(Exprs.add(last, Exprs.of(1L)));
  }

  private static Expr clamp(Expr e, Expr low, Expr high) {
    return Exprs.min(Exprs.max(e, low), high);
  }
}
