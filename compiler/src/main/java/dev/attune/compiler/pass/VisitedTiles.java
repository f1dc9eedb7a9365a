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
 * The kv tiles that are visited: at least one, {@code from <= fullFrom <= fullTo <= last}. The
 * tiles of [fullFrom, fullTo) are full; of {@code last}, which is visited first, nothing is known.
 */
final class VisitedTiles {
  private final KvTiles tiles;
  private final Expr some;
  private final Expr past;
  private final Expr from;
  private final Expr last;

  private VisitedTiles(KvTiles tiles, Expr some, Expr past, Expr from, Expr last) {
    this.tiles = tiles;
    this.some = some;
    this.past = past;
    this.from = from;
    this.last = last;
  }

  /**
   * The live tiles of an item, or, if it has none, the tile past the last key, which loads as
   * zeros.
   */
  static VisitedTiles ofItem(KvTiles tiles) {
    Expr cols = Exprs.of((long) tiles.cols());
    Expr keys = new Expr.Size(Extent.SKV);
    Expr past = Exprs.add(new Expr.Binary(BinaryOp.FLOOR_DIV, keys, cols), Exprs.of(1L));
    return new VisitedTiles(
        tiles, some(tiles.from(), tiles.last()), past, tiles.from(), tiles.last());
  }

  /** Whether there is a tile: {@code from <= last}. */
  private static Expr some(Expr from, Expr last) {
    boolean quotient =
        from.equals(Exprs.of(0L))
            && last instanceof Expr.Binary(BinaryOp op, Expr key, Expr cols)
            && op == BinaryOp.FLOOR_DIV;
    Expr end = quotient ? ((Expr.Binary) last).a() : last;
    return new Expr.Compare(CompareOp.LE, from, end);
  }

  /**
   * Of the tiles of an item those that are live for some of its rows, or one of them.
   *
   * @param rows the tiles of these rows
   */
  VisitedTiles ofRows(KvTiles rows) {
    Expr first = rows.from().equals(tiles.from()) ? from : clamp(rows.from(), from, last);
    Expr end = rows.last().equals(tiles.last()) ? last : clamp(rows.last(), first, last);
    return new VisitedTiles(rows, some, past, first, end);
  }

  /** The first tile. */
  Expr from() {
    return orPast(from);
  }

  /** The last tile. */
  Expr last() {
    return orPast(last);
  }

  /** One past the last tile. */
  Expr to() {
    return Simplify.simplify(Exprs.add(last(), Exprs.of(1L)));
  }

  /** The first full tile; absent where no tile before it is visited. */
  Optional<Expr> fullFrom() {
    return clampedFullFrom().map(this::orPast);
  }

  /** One past the last full tile; absent where it is {@code last}, or no full tile is known. */
  Optional<Expr> fullTo() {
    return tiles.bounded()
        ? tiles.fullTo().map(e -> orPast(clamp(e, clampedFullFrom().orElse(from), last)))
        : Optional.empty();
  }

  private Optional<Expr> clampedFullFrom() {
    return tiles.fullFrom().map(e -> clamp(e, from, last));
  }

  private Expr orPast(Expr tile) {
    return Simplify.simplify(new Expr.Select(some, tile, past));
  }

  private static Expr clamp(Expr e, Expr low, Expr high) {
    return Exprs.min(Exprs.max(e, low), high);
  }
}
