package dev.attune.compiler.analysis;

import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.BinaryOp;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.Extent;
import dev.attune.compiler.spec.Simplify;
import java.util.Map;
import java.util.Optional;

/**
 * The bounds of {@link KvBounds} in tiles of {@code cols} keys, over the same variables. Nothing is
 * known of the order of the four: where {@code from} exceeds {@code last} there is no live tile.
 * Where tiles are tested, those that pass are numbered, and the four are such numbers.
 *
 * @param from the first tile with a live key, not negative
 * @param last the last tile with a live key, before Skv
 * @param fullFrom the first tile from which on all keys are live; empty: the first of all
 * @param fullTo one past the last tile up to which all keys are live; empty: no such tile is known
 * @param bounded whether the mask ends the full tiles; else all tiles from {@code fullFrom} on are
 *     full, except that Skv may cut the last
 * @param tested the test of each tile, where the mask is not one range of keys per row
 */
public record KvTiles(
    int cols,
    Expr from,
    Expr last,
    Optional<Expr> fullFrom,
    Optional<Expr> fullTo,
    boolean bounded,
    Optional<TestedTiles> tested) {

  /**
   * The tiles of a spec.
   *
   * @param rows the most rows of a query tile
   */
  public static KvTiles of(AttentionSpec spec, int rows, int cols) {
    KvTiles range = of(KvBounds.withoutSearch(spec), cols);
    return KvBounds.ofRow(spec).isPresent()
        ? range
        : TestedTiles.of(spec, rows, range).map(KvTiles::of).orElse(range);
  }

  /** The numbers of tested tiles: the full ones come first. */
  public static KvTiles of(TestedTiles tested) {
    Expr zero = Exprs.of(0L);
    Expr last = Exprs.sub(TestedTiles.LIVE, Exprs.of(1L));
    boolean full = !tested.all().equals(new Expr.BoolConst(false));
    return new KvTiles(
        tested.cols(),
        zero,
        last,
        Optional.empty(),
        full ? Optional.of(TestedTiles.FULL) : Optional.empty(),
        true,
        Optional.of(tested));
  }

  /** The tiles of solved bounds. */
  public static KvTiles of(KvBounds bounds, int cols) {
    Expr keys = new Expr.Size(Extent.SKV);
    Expr lastKey = Exprs.sub(keys, Exprs.of(1L));
    Expr from =
        bounds
            .visitFirst()
            .map(e -> floorDiv(Exprs.max(e, Exprs.of(0L)), cols))
            .orElse(Exprs.of(0L));
    Expr last = floorDiv(bounds.visitLast().map(e -> Exprs.min(e, lastKey)).orElse(lastKey), cols);
    Optional<Expr> fullFrom = Optional.empty();
    Optional<Expr> fullTo = Optional.empty();
    boolean bounded = true;
    if (bounds.full() instanceof FullKeys.Between(Optional<Expr> first, Optional<Expr> end)) {
      fullFrom =
          first.map(
              e -> floorDiv(Exprs.add(Exprs.max(e, Exprs.of(0L)), Exprs.of(cols - 1L)), cols));
      fullTo =
          Optional.of(
              floorDiv(
                  end.map(e -> Exprs.min(Exprs.add(e, Exprs.of(1L)), keys)).orElse(keys), cols));
      bounded = end.isPresent();
    }
    return new KvTiles(cols, from, last, fullFrom, fullTo, bounded, Optional.empty());
  }

  public KvTiles {
    from = Simplify.simplify(from);
    last = Simplify.simplify(last);
    fullFrom = fullFrom.map(Simplify::simplify);
    fullTo = fullTo.map(Simplify::simplify);
  }

  /** One past the last tile with a live key. */
  public Expr to() {
    return Simplify.simplify(Exprs.add(last, Exprs.of(1L)));
  }

  /** The tiles that the rows from one variable to another see. */
  public KvTiles ofRows(Expr.Var firstRow, Expr.Var lastRow) {
    Map<Expr.Var, Expr.Var> rows = Map.of(KvBounds.Q_FIRST, firstRow, KvBounds.Q_LAST, lastRow);
    return new KvTiles(
        cols,
        Exprs.substitute(from, rows),
        Exprs.substitute(last, rows),
        fullFrom.map(e -> Exprs.substitute(e, rows)),
        fullTo.map(e -> Exprs.substitute(e, rows)),
        bounded,
        tested);
  }

  private static Expr floorDiv(Expr key, int cols) {
    return new Expr.Binary(BinaryOp.FLOOR_DIV, key, Exprs.of((long) cols));
  }
}
