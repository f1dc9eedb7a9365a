package dev.attune.compiler.analysis;

import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.CompareOp;
import dev.attune.compiler.spec.Eval;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Expr.BoolConst;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.Position;
import dev.attune.compiler.spec.ScalarType;
import dev.attune.compiler.spec.Simplify;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The kv tiles of a query tile that pass a test, for masks whose live keys are not one range: those
 * of [{@code from}, {@code to}) for which {@code some} holds. They are numbered from 0, first the
 * full ones, for which {@code all} holds, in ascending order, then the others, in ascending order.
 *
 * @param cols keys of a tile
 * @param from no tile before it is live
 * @param to no tile from it on is live; all tiles before it have a key
 * @param searched a shorter such range, where there is one
 * @param some holds for every tile with a live pair, over the variables of a query tile and of a kv
 *     tile: {@link KvBounds#KV_FIRST}, {@link KvBounds#KV_LAST}
 * @param all holds only for tiles of {@code cols} keys all of whose pairs are live
 */
public record TestedTiles(
    int cols, Expr from, Expr to, Optional<Searched> searched, Expr some, Expr all) {

  /**
   * The most tiles that are tested without narrowing the range. Testing 32 takes a round of loads,
   * and is done three times: to count, for the full ones and for the others. Two searches take some
   * nine rounds.
   */
  public static final int NEAR = 96;

  /**
   * A range whose ends are searched for in sorted tensors: worth it where the other is longer than
   * {@link #NEAR}.
   */
  public record Searched(Expr from, Expr to) {}

  /** How many tiles pass. */
  public static final Expr.Var LIVE = new Expr.Var(-7);

  /** How many of them are full. */
  public static final Expr.Var FULL = new Expr.Var(-8);

  public TestedTiles {
    if (from.type() != ScalarType.INT
        || to.type() != ScalarType.INT
        || some.type() != ScalarType.BOOL
        || all.type() != ScalarType.BOOL) {
      throw new IllegalArgumentException("a range of ints and two conditions, found " + this);
    }
    for (Expr e : parts(from, to, searched, some, all)) {
      if (Exprs.uses(e, Position.Q)
          || Exprs.uses(e, Position.KV)
          || Exprs.uses(e, x -> x instanceof Expr.Score)) {
        throw new IllegalArgumentException("not of a whole tile: " + Exprs.print(e));
      }
    }
  }

  /** All its expressions. */
  public List<Expr> parts() {
    return parts(from, to, searched, some, all);
  }

  private static List<Expr> parts(
      Expr from, Expr to, Optional<Searched> searched, Expr some, Expr all) {
    return Stream.concat(
            Stream.of(from, to, some, all),
            searched.stream().flatMap(s -> Stream.of(s.from(), s.to())))
        .toList();
  }

  /** The tiles of a range that a spec's mask leaves, unless testing them tells nothing. */
  static Optional<TestedTiles> of(AttentionSpec spec, int rows, KvTiles range) {
    TileTest test = TileTest.of(spec, spec.mask().expr(), rows, range.cols());
    boolean tells =
        !test.some().equals(new BoolConst(true)) || !test.all().equals(new BoolConst(false));
    if (!tells) {
      return Optional.empty();
    }
    Expr keys = Exprs.sub(KvBounds.KV_LAST, KvBounds.KV_FIRST);
    Expr whole = new Expr.Compare(CompareOp.EQ, keys, Exprs.of(range.cols() - 1L));
    return Optional.of(
        new TestedTiles(
            range.cols(),
            range.from(),
            range.to(),
            searched(spec, range.cols()),
            test.some(),
            Simplify.simplify(Exprs.and(test.all(), whole))));
  }

  private static Optional<Searched> searched(AttentionSpec spec, int cols) {
    KvTiles range = KvTiles.of(KvBounds.solve(spec), cols);
    boolean searches =
        Stream.of(range.from(), range.to())
            .anyMatch(e -> Exprs.uses(e, x -> x instanceof Expr.Search));
    return searches ? Optional.of(new Searched(range.from(), range.to())) : Optional.empty();
  }

  /**
   * The tiles that pass, by their numbers, where the evaluator is: the variables of its query tile
   * are bound. Binds {@link #LIVE} and {@link #FULL}.
   *
   * @param kvSeq Skv
   */
  public List<Integer> evaluate(Eval eval, int kvSeq) {
    List<Integer> full = new ArrayList<>();
    List<Integer> others = new ArrayList<>();
    long start = eval.integer(from);
    long end = eval.integer(to);
    if (searched.isPresent() && end - start > NEAR) {
      start = eval.integer(searched.get().from());
      end = eval.integer(searched.get().to());
    }
    for (long tile = start; tile < end; tile++) {
      long first = tile * cols;
      eval.bind(KvBounds.KV_FIRST, first);
      eval.bind(KvBounds.KV_LAST, Math.min(first + cols, kvSeq) - 1);
      if (eval.bool(some)) {
        (eval.bool(all) ? full : others).add(Math.toIntExact(tile));
      }
    }
    eval.bind(FULL, full.size());
    full.addAll(others);
    eval.bind(LIVE, full.size());
    return full;
  }
}
