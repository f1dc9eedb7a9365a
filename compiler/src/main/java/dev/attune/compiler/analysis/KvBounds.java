package dev.attune.compiler.analysis;

import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.Position;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;

/**
 * The keys that the rows [q_first, q_last] of one tile can see, solved from the mask: expressions
 * over sizes, params, b, h, hkv, captured tensors and the two variables, to be evaluated once per
 * tile. The bounds hold for every size and every value that the spec admits, provided {@code 0 <=
 * q_first <= q_last < Sq}: a tile that reaches beyond the last row has its {@code q_last} clamped.
 * A bound may lie outside [0, Skv); where first exceeds last there is no key.
 *
 * <p>The same is solved for the queries that see the keys [kv_first, kv_last] of a tile: then rows
 * and keys, and their sizes, change places in all that is said here.
 *
 * @param of what is bounded: kv, or q
 * @param visitFirst no key before it is live for any row; absent where nothing is known
 * @param visitLast no key after it is live for any row; absent where nothing is known
 * @param full keys that are live for every row
 * @param clauses what became of each comparison of the mask, in its order
 */
public record KvBounds(
    Position of,
    Optional<Expr> visitFirst,
    Optional<Expr> visitLast,
    FullKeys full,
    List<Solved> clauses) {

  /** The first row of the tile. */
  public static final Expr.Var Q_FIRST = new Expr.Var(-1);

  /** The last row of the tile that exists. */
  public static final Expr.Var Q_LAST = new Expr.Var(-2);

  /** The first of a part of the tile's rows, or the last row of all where none of it exists. */
  public static final Expr.Var PART_FIRST = new Expr.Var(-3);

  /** The last of a part of the tile's rows, or the last row of all where none of it exists. */
  public static final Expr.Var PART_LAST = new Expr.Var(-4);

  /** The first key of a tile. */
  public static final Expr.Var KV_FIRST = new Expr.Var(-5);

  /** The last key of a tile that exists. */
  public static final Expr.Var KV_LAST = new Expr.Var(-6);

  public KvBounds {
    clauses = List.copyOf(clauses);
  }

  /**
   * One comparison of the mask.
   *
   * @param clause its text
   * @param solved whether it bounds the keys
   * @param detail the inequality it was solved to, or why it was not
   */
  public record Solved(String clause, boolean solved, String detail) {}

  /** Solves the mask of a spec for the keys of a tile of queries. */
  public static KvBounds solve(AttentionSpec spec) {
    return solve(new MaskSolver(spec, Position.KV, true), spec.mask().expr());
  }

  /** Solves the mask of a spec for the queries of a tile of keys. */
  public static KvBounds ofQueries(AttentionSpec spec) {
    return solve(new MaskSolver(spec, Position.Q, true), spec.mask().expr());
  }

  /**
   * The keys of a tile of queries without {@link Expr.Search}: what a thread evaluates for itself.
   */
  public static KvBounds withoutSearch(AttentionSpec spec) {
    return withoutSearch(spec, spec.mask().expr());
  }

  private static KvBounds withoutSearch(AttentionSpec spec, Expr mask) {
    return solve(new MaskSolver(spec, Position.KV, false), mask);
  }

  private static KvBounds solve(MaskSolver solver, Expr mask) {
    MaskSolver.Region region = solver.solve(mask);
    KeyRange visit = region.visit().unconditional();
    FullKeys full =
        region
            .full()
            .map(KeyRange::unconditional)
            .<FullKeys>map(r -> new FullKeys.Between(r.first(), r.last()))
            .orElseGet(() -> new FullKeys.None(region.why()));
    return new KvBounds(solver.of(), visit.first(), visit.last(), full, solver.clauses());
  }

  /**
   * The live keys of one row, if they are one range: its ends as expressions that may use {@code
   * q}. For a tile of one row the keys that contain all live ones and the keys that are all live
   * are then the same. A range whose ends are searched for is none: the rows of a tile are many,
   * and a search is slow.
   */
  public static Optional<FullKeys.Between> ofRow(AttentionSpec spec) {
    Expr row = new Expr.At(Position.Q);
    KvBounds bounds =
        withoutSearch(spec, Exprs.substitute(spec.mask().expr(), Map.of(row, Q_FIRST)));
    FullKeys.Between range = new FullKeys.Between(bounds.visitFirst(), bounds.visitLast());
    if (!bounds.full().equals(range)) {
      return Optional.empty();
    }
    UnaryOperator<Expr> atRow = e -> Exprs.substitute(e, Map.of(Q_FIRST, row));
    return Optional.of(new FullKeys.Between(range.first().map(atRow), range.last().map(atRow)));
  }

  /** The bounds in a few lines, for goldens and explanations. */
  public String print() {
    String range =
        switch (full) {
          case FullKeys.None(String why) -> "none: " + why;
          case FullKeys.Between(Optional<Expr> first, Optional<Expr> last) -> range(first, last);
        };
    String lines =
        clauses.stream()
            .map(
                c ->
                    (c.solved() ? "  solved   " : "  unsolved ")
                        + c.clause()
                        + ": "
                        + c.detail()
                        + "\n")
            .collect(Collectors.joining());
    return "visit " + range(visitFirst, visitLast) + "\nfull  " + range + "\n" + lines;
  }

  private String range(Optional<Expr> first, Optional<Expr> last) {
    String end = Ranges.extent(of).keyword() + " - 1";
    return first.map(Exprs::print).orElse("0") + " .. " + last.map(Exprs::print).orElse(end);
  }
}
