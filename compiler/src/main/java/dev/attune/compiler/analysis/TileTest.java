package dev.attune.compiler.analysis;

import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Expr.BoolConst;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.Shape;
import dev.attune.compiler.spec.Simplify;
import java.util.List;
import java.util.stream.Collectors;

/**
 * What a mask says of the tile of rows [q_first, q_last] and keys [kv_first, kv_last], as two
 * conditions over the variables {@link KvBounds#Q_FIRST}, {@link KvBounds#Q_LAST}, {@link
 * KvBounds#KV_FIRST} and {@link KvBounds#KV_LAST}, sizes, params, b, h and captured tensors, but
 * not q and kv. They hold for {@code 0 <= q_first <= q_last < Sq} and {@code 0 <= kv_first <=
 * kv_last < Skv}.
 *
 * @param some false only where no pair of the tile is live
 * @param all true only where every pair of the tile is live
 * @param clauses what each comparison of the mask says of a tile by itself, in its order; a tensor
 *     whose order is not known and of which a tile reads many entries says nothing
 */
public record TileTest(Expr some, Expr all, List<KvBounds.Solved> clauses) {
  private static final int MOST_TEXT = 600;

  public TileTest {
    clauses = List.copyOf(clauses);
  }

  /** Of the mask of a spec, for tiles of any size. */
  public static TileTest of(AttentionSpec spec) {
    return of(spec, spec.mask().expr());
  }

  /** Of a mask under the declarations of a spec, for tiles of any size. */
  public static TileTest of(AttentionSpec spec, Expr mask) {
    return of(spec, mask, Shape.MAX_SEQ, Shape.MAX_SEQ);
  }

  /**
   * Of a mask under the declarations of a spec. Where the tiles are known to be small, more is
   * known: how many blocks of a quotient, or entries of a tensor, they meet.
   *
   * @param rows the most rows of a tile
   * @param cols the most keys of a tile
   */
  public static TileTest of(AttentionSpec spec, Expr mask, int rows, int cols) {
    Facts facts = new Facts(spec, rows, cols);
    Expr p = Simplify.simplify(mask);
    Formula live = Formula.of(p, true);
    Expr dead = TileSearch.some(facts, Formula.of(p, false));
    List<KvBounds.Solved> clauses = live.clauses().distinct().map(c -> clause(facts, c)).toList();
    return new TileTest(TileSearch.some(facts, live), Simplify.simplify(Exprs.not(dead)), clauses);
  }

  private static KvBounds.Solved clause(Facts facts, Formula.Clause clause) {
    Expr alone = TileSearch.some(facts, clause.meaning());
    boolean tells = !alone.equals(new BoolConst(true));
    String detail = tells ? text(alone) : "holds of some pair of any tile, for all that is known";
    return new KvBounds.Solved(Exprs.print(clause.stated()), tells, detail);
  }

  /** Both conditions in a few lines, for explanations. */
  public String print() {
    String lines =
        clauses.stream()
            .map(c -> (c.solved() ? "  tested   " : "  untested ") + c.clause() + ": " + c.detail())
            .collect(Collectors.joining("\n"));
    return "some " + text(some) + "\nall  " + text(all) + "\n" + lines;
  }

  private static String text(Expr condition) {
    String text = Exprs.print(condition);
    return text.length() <= MOST_TEXT
        ? text
        : "a condition of " + Exprs.distinct(condition) + " operations";
  }
}
