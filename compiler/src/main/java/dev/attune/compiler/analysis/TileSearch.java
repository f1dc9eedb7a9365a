package dev.attune.compiler.analysis;

import dev.attune.compiler.spec.BinaryOp;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Expr.Binary;
import dev.attune.compiler.spec.Expr.BoolConst;
import dev.attune.compiler.spec.Expr.Gather;
import dev.attune.compiler.spec.Expr.IntConst;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.Simplify;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Whether some pair of a tile satisfies a formula, as a condition that is false only where none
 * does. Conjunctions are taken apart into alternatives; in each, comparisons of q, kv and q - kv
 * with what is uniform narrow a {@link Zone}, and the others are tested on the extremes over it.
 */
final class TileSearch {
  /** Distinct operations that a warp may spend on a tile. */
  private static final int MOST_NODES = 600;

  private static final long MOST_TREE_NODES = 20_000;
  private static final Expr TRUE = new BoolConst(true);
  private static final Expr FALSE = new BoolConst(false);

  /** How much a condition may cost: the first that suffices is taken. */
  private record Effort(int alternatives, int pieces) {}

  private static final List<Effort> EFFORTS =
      List.of(new Effort(64, 16), new Effort(64, 1), new Effort(1, 1));

  /** Conjunctions that a derivation may look at. */
  private static final int MOST_CONJUNCTIONS = 400;

  private final Facts facts;
  private final Effort effort;
  private int alternatives;
  private int conjunctions;

  private TileSearch(Facts facts, Effort effort) {
    this.facts = facts;
    this.effort = effort;
  }

  /** A condition that is true wherever some pair of the tile satisfies the formula. */
  static Expr some(Facts facts, Formula formula) {
    for (Effort effort : EFFORTS) {
      TileSearch search = new TileSearch(facts, effort);
      Expr found = Simplify.simplify(search.some(List.of(formula), List.of(), List.of()));
      boolean complete = search.conjunctions <= MOST_CONJUNCTIONS;
      boolean affordable =
          (complete && search.alternatives <= effort.alternatives) || effort.alternatives == 1;
      if (affordable && cheap(found)) {
        return found;
      }
    }
    return TRUE;
  }

  private static boolean cheap(Expr e) {
    return Exprs.nodes(e) <= MOST_TREE_NODES && Exprs.distinct(e) <= MOST_NODES;
  }

  /**
   * The conjunction of formulas.
   *
   * @param todo formulas to take apart
   * @param literals comparisons found
   * @param open disjunctions found
   */
  private Expr some(List<Formula> todo, List<Formula> literals, List<Formula.Any> open) {
    List<Formula> stack = new ArrayList<>(todo);
    List<Formula> found = new ArrayList<>(literals);
    List<Formula.Any> choices = new ArrayList<>(open);
    Expr uniform = TRUE;
    while (!stack.isEmpty()) {
      Formula next = stack.removeFirst();
      switch (next) {
        case Formula.All(List<Formula> parts) -> stack.addAll(0, parts);
        case Formula.Clause(Expr stated, Formula meaning) -> stack.addFirst(meaning);
        case Formula.Uniform(Expr condition) -> uniform = and(uniform, condition);
        case Formula.Any any when any.isUniform() -> uniform = and(uniform, uniform(any));
        case Formula.Any any -> choices.add(any);
        case Formula.AtMostZero a -> found.add(a);
        case Formula.IsZero a -> found.add(a);
        case Formula.Opaque o -> found.add(o);
      }
    }
    choices.removeIf(any -> any.parts().stream().anyMatch(part -> found.contains(meaning(part))));
    if (uniform.equals(FALSE)) {
      return FALSE;
    }
    if (choices.isEmpty()) {
      alternatives++;
      return and(uniform, conjunction(found, effort.pieces));
    }
    return and(uniform, choices(found, choices));
  }

  private Expr choices(List<Formula> literals, List<Formula.Any> choices) {
    if (conjunction(literals, 1).equals(FALSE)) {
      return FALSE;
    }
    if (effort.alternatives == 1) {
      Expr every = conjunction(literals, 1);
      for (Formula.Any any : choices) {
        every = and(every, any(any, literals, List.of()));
      }
      return every;
    }
    return alternatives > effort.alternatives
        ? TRUE
        : any(choices.getFirst(), literals, choices.subList(1, choices.size()));
  }

  private Expr any(Formula.Any any, List<Formula> literals, List<Formula.Any> others) {
    Expr one = FALSE;
    for (Formula part : any.parts()) {
      one = or(one, some(List.of(part), literals, others));
    }
    return one;
  }

  private static Formula meaning(Formula f) {
    return f instanceof Formula.Clause(Expr stated, Formula meaning) ? meaning : f;
  }

  private static Expr uniform(Formula f) {
    return switch (f) {
      case Formula.All(List<Formula> parts) ->
          parts.stream().map(TileSearch::uniform).reduce(TRUE, TileSearch::and);
      case Formula.Any(List<Formula> parts) ->
          parts.stream().map(TileSearch::uniform).reduce(FALSE, TileSearch::or);
      case Formula.Clause(Expr stated, Formula meaning) -> uniform(meaning);
      case Formula.Uniform(Expr condition) -> condition;
      case Formula.AtMostZero a -> TRUE;
      case Formula.IsZero a -> TRUE;
      case Formula.Opaque o -> TRUE;
    };
  }

  /** What remains to be said of a remainder: the residues that are wanted. */
  private record Residues(Expr x, Expr n, List<Expr> lower, List<Expr> upper) {}

  /**
   * Comparisons that all hold.
   *
   * @param pieces into how many pieces the tile may be cut
   */
  private Expr conjunction(List<Formula> literals, int pieces) {
    if (++conjunctions > MOST_CONJUNCTIONS) {
      return TRUE;
    }
    Zone zone = Zone.TILE;
    List<Formula> tests = new ArrayList<>();
    Map<Expr, Residues> residues = new LinkedHashMap<>();
    List<Formula> todo = new ArrayList<>(Equalities.applied(literals, facts));
    Expr uniform = TRUE;
    while (!todo.isEmpty()) {
      Formula next = todo.removeFirst();
      Affine sum = sum(next);
      if (sum == null || !facts.exact(sum.expr())) {
        tests.add(next instanceof Formula.Opaque ? next : new Formula.Opaque(TRUE));
        continue;
      }
      boolean equal = next instanceof Formula.IsZero;
      if (!sum.uses(Facts::isPosition)) {
        uniform = and(uniform, facts.atMost(sum.expr(), new IntConst(0)));
        uniform = equal ? and(uniform, facts.atMost(new IntConst(0), sum.expr())) : uniform;
        continue;
      }
      Expr only = sum.only(Facts::isPosition);
      Zone narrowed = narrow(zone, sum, equal);
      if (narrowed != null) {
        zone = narrowed;
      } else if (only instanceof Binary(BinaryOp op, Expr x, Expr n)
          && (op == BinaryOp.FLOOR_DIV || op == BinaryOp.FLOOR_MOD)
          && facts.isDivisor(n)
          && (!equal || Math.abs(sum.coefficient(only)) == 1)) {
        long factor = sum.coefficient(only);
        Affine rest = sum.without(only);
        Optional<Expr> low =
            equal || factor < 0 ? Optional.of(quotient(rest, -factor, true)) : Optional.empty();
        Optional<Expr> high =
            equal || factor > 0 ? Optional.of(quotient(rest, -factor, false)) : Optional.empty();
        if (op == BinaryOp.FLOOR_DIV) {
          low.ifPresent(l -> todo.addFirst(atLeast(x, product(l, n))));
          high.ifPresent(h -> todo.addFirst(below(x, Exprs.add(product(h, n), n))));
        } else {
          Residues r =
              residues.computeIfAbsent(
                  only, m -> new Residues(x, n, new ArrayList<>(), new ArrayList<>()));
          low.ifPresent(r.lower::add);
          high.ifPresent(r.upper::add);
        }
      } else {
        tests.add(next);
      }
    }
    Expr total = uniform;
    for (Expr condition : zone.feasible(facts)) {
      total = and(total, bounded(condition));
    }
    Extremes extremes = new Extremes(facts, zone);
    Blocks blocks = pieces > 1 ? blocks(tests) : null;
    if (blocks != null && blocks.count() <= pieces) {
      return and(total, pieces(blocks, literals, Math.min(pieces - 1, pieces / blocks.count())));
    }
    for (Residues r : residues.values()) {
      total = and(total, residue(r, extremes));
    }
    for (Formula test : tests) {
      total = and(total, test(test, extremes));
    }
    return total;
  }

  private static @Nullable Affine sum(Formula f) {
    return switch (f) {
      case Formula.AtMostZero(Affine d) -> d;
      case Formula.IsZero(Affine d) -> d;
      default -> null;
    };
  }

  private static Formula atLeast(Expr x, Expr bound) {
    return new Formula.AtMostZero(Affine.of(Exprs.sub(bound, x)));
  }

  private static Formula below(Expr x, Expr bound) {
    return new Formula.AtMostZero(Affine.of(Exprs.sub(x, bound)).plus(1));
  }

  /**
   * The quotient x // n over a tile: one after the other from that of the least x.
   *
   * @param count how many there are at most, or 3 where that is not known: the first, the last, and
   *     those between
   */
  private record Blocks(Expr x, Expr n, int count, boolean all) {}

  /**
   * A quotient on whose remainder a test depends, where that test is not alone: the extremes of one
   * are exact, but those of several need not be met by the same pair.
   */
  private @Nullable Blocks blocks(List<Formula> tests) {
    Blocks best = null;
    for (Formula test : tests) {
      Affine sum = sum(test);
      if (sum != null) {
        for (Expr atom : sum.terms().keySet()) {
          Blocks found = blocks(atom, false);
          best = found != null && shared(found.x, tests) ? fewer(best, found) : best;
        }
      }
    }
    return best;
  }

  private static boolean shared(Expr x, List<Formula> tests) {
    long users = 0;
    for (Formula test : tests) {
      Affine sum = sum(test);
      if (sum != null && sum.uses(e -> dividend(e).filter(x::equals).isPresent())) {
        users++;
      }
    }
    return users > 1;
  }

  private static Optional<Expr> dividend(Expr e) {
    return e instanceof Binary(BinaryOp op, Expr x, Expr n)
            && (op == BinaryOp.FLOOR_MOD || op == BinaryOp.FLOOR_DIV)
        ? Optional.of(x)
        : Optional.empty();
  }

  private @Nullable Blocks blocks(Expr e, boolean inRemainder) {
    Blocks best = null;
    boolean remainder = inRemainder;
    if (e instanceof Binary(BinaryOp op, Expr x, Expr n)
        && (op == BinaryOp.FLOOR_MOD || op == BinaryOp.FLOOR_DIV)
        && facts.isDivisor(n)) {
      remainder = remainder || op == BinaryOp.FLOOR_MOD;
      if (remainder && narrow(Zone.TILE, Affine.of(x), false) != null) {
        long width = new Extremes(facts, Zone.TILE).width(x);
        long least = facts.ranges().integer(n).lo();
        long count = Math.ceilDiv(Math.min(width, Integer.MAX_VALUE), least) + 1;
        best = new Blocks(x, n, (int) Math.min(count, 3), count <= 3);
      }
    }
    for (Expr child : Exprs.children(e)) {
      best = fewer(best, blocks(child, remainder));
    }
    return best;
  }

  /** Of two, the one with the smaller divisor, for the larger is a multiple of it. */
  private @Nullable Blocks fewer(@Nullable Blocks a, @Nullable Blocks b) {
    if (a == null || b == null) {
      return a == null ? b : a;
    }
    if (a.all != b.all) {
      return a.all ? a : b;
    }
    return facts.ordered(a.n, b.n) ? a : b;
  }

  /** Each piece by itself: in all but one of unknown extent the quotient is uniform. */
  private Expr pieces(Blocks blocks, List<Formula> literals, int pieces) {
    Extremes tile = new Extremes(facts, Zone.TILE);
    Optional<Expr> low = tile.least(Affine.of(blocks.x));
    Optional<Expr> high = tile.most(Affine.of(blocks.x));
    if (low.isEmpty() || high.isEmpty()) {
      return TRUE;
    }
    Expr first = Simplify.simplify(new Binary(BinaryOp.FLOOR_DIV, low.get(), blocks.n));
    Expr last = Simplify.simplify(new Binary(BinaryOp.FLOOR_DIV, high.get(), blocks.n));
    Expr any = FALSE;
    for (int i = 0; i < blocks.count; i++) {
      if (blocks.all || i != 1) {
        Expr k = blocks.all ? Exprs.add(first, new IntConst(i)) : i == 0 ? first : last;
        any = or(any, conjunction(piece(blocks, Simplify.simplify(k), literals), pieces));
      } else {
        List<Formula> between = new ArrayList<>(literals);
        Expr from = product(Exprs.add(first, new IntConst(1)), blocks.n);
        between.add(atLeast(blocks.x, from));
        between.add(below(blocks.x, product(last, blocks.n)));
        any = or(any, conjunction(between, 1));
      }
    }
    return any;
  }

  /** The comparisons where {@code x // n} is k. */
  private static List<Formula> piece(Blocks blocks, Expr k, List<Formula> literals) {
    Quotient known = new Quotient(blocks.x, blocks.n, k);
    List<Formula> piece = new ArrayList<>();
    for (Formula f : literals) {
      piece.add(
          switch (f) {
            case Formula.AtMostZero(Affine d) ->
                new Formula.AtMostZero(Affine.of(known.in(d.expr())));
            case Formula.IsZero(Affine d) -> new Formula.IsZero(Affine.of(known.in(d.expr())));
            default -> f;
          });
    }
    piece.add(atLeast(blocks.x, product(k, blocks.n)));
    piece.add(below(blocks.x, product(Exprs.add(k, new IntConst(1)), blocks.n)));
    return piece;
  }

  /** {@code a · n}, the sum multiplied out so that equal products meet. */
  private static Expr product(Expr a, Expr n) {
    Affine sum = Affine.of(a);
    Affine total = Affine.of(n).times(sum.constant());
    for (Map.Entry<Expr, Long> t : sum.terms().entrySet()) {
      total = total.plus(Affine.of(Exprs.mul(t.getKey(), n)).times(t.getValue()));
    }
    return Simplify.simplify(total.expr());
  }

  /** {@code rest / divisor}, rounded up or down. */
  private static Expr quotient(Affine rest, long divisor, boolean up) {
    Affine positive = divisor < 0 ? rest.times(-1) : rest;
    long c = Math.abs(divisor);
    Affine dividend = up ? positive.plus(c - 1) : positive;
    return c == 1
        ? positive.expr()
        : new Binary(BinaryOp.FLOOR_DIV, dividend.expr(), new IntConst(c));
  }

  /** With {@code sum <= 0}, or {@code sum == 0}, where that bounds one axis by what is uniform. */
  private @Nullable Zone narrow(Zone zone, Affine sum, boolean equal) {
    long q = sum.coefficient(Extremes.Q);
    long kv = sum.coefficient(Extremes.KV);
    Affine rest = sum.without(Extremes.Q).without(Extremes.KV);
    if (rest.uses(Facts::isPosition)) {
      return null;
    }
    Zone.Axis axis =
        kv == 0 ? Zone.Axis.Q : q == 0 ? Zone.Axis.KV : q == -kv ? Zone.Axis.DIFFERENCE : null;
    if (axis == null) {
      return null;
    }
    long factor = axis == Zone.Axis.KV ? kv : q;
    Zone narrowed = zone.with(axis, factor > 0, quotient(rest, -factor, factor < 0), facts);
    return equal
        ? narrowed.with(axis, factor < 0, quotient(rest, -factor, factor > 0), facts)
        : narrowed;
  }

  /** Whether a number between the extremes of x has a wanted remainder. */
  private Expr residue(Residues r, Extremes extremes) {
    Optional<Expr> low = extremes.least(Affine.of(r.x));
    Optional<Expr> high = extremes.most(Affine.of(r.x));
    Expr last = Exprs.sub(r.n, new IntConst(1));
    List<Expr> lower = new ArrayList<>(r.lower);
    List<Expr> upper = new ArrayList<>(r.upper);
    lower.removeIf(l -> facts.ordered(l, new IntConst(0)));
    upper.removeIf(u -> facts.ordered(last, u));
    Expr from = lower.stream().reduce(new IntConst(0), Exprs::max);
    Expr to = upper.stream().reduce(last, Exprs::min);
    if (lower.size() == 1 && facts.ordered(new IntConst(0), lower.getFirst())) {
      from = lower.getFirst();
    }
    if (upper.size() == 1 && facts.ordered(upper.getFirst(), last)) {
      to = upper.getFirst();
    }
    Expr wanted = facts.atMost(from, to);
    if (low.isEmpty() || high.isEmpty()) {
      return wanted;
    }
    // Some y in [low, high] has y % n in [from, to] where a multiple of n is in [low - to, high -
    // from]: the distance of high - from to the multiple below it is then no more than the width.
    Expr above = new Binary(BinaryOp.FLOOR_MOD, Affine.of(Exprs.sub(high.get(), from)).expr(), r.n);
    Expr width =
        Affine.of(Exprs.sub(high.get(), low.get()))
            .plus(Affine.of(to))
            .minus(Affine.of(from))
            .expr();
    return bounded(and(wanted, facts.atMost(above, width)));
  }

  private Expr test(Formula f, Extremes extremes) {
    return switch (f) {
      case Formula.AtMostZero(Affine d) -> least(d, extremes);
      case Formula.IsZero(Affine d) ->
          entryByEntry(d, extremes)
              .orElseGet(() -> and(least(d, extremes), least(d.times(-1), extremes)));
      case Formula.Opaque(Expr p) -> opaque(p, extremes);
      default -> throw new IllegalArgumentException("not a comparison: " + f);
    };
  }

  /** Whether one of the few entries of a tensor that the tile reads makes the sum zero. */
  private Optional<Expr> entryByEntry(Affine d, Extremes extremes) {
    for (Expr atom : d.terms().keySet()) {
      if (atom instanceof Gather g && Facts.varies(g)) {
        return extremes
            .entries(g)
            .map(
                entries ->
                    entries.stream()
                        .map(e -> Exprs.substitute(d.expr(), Map.of(atom, e)))
                        .map(e -> test(new Formula.IsZero(Affine.of(e)), extremes))
                        .reduce(FALSE, TileSearch::or));
      }
    }
    return Optional.empty();
  }

  private Expr opaque(Expr p, Extremes extremes) {
    boolean wanted = !(p instanceof Expr.Unary);
    if ((wanted ? p : Exprs.children(p).getFirst()) instanceof Gather g) {
      Optional<List<Expr>> entries = extremes.entries(g);
      if (entries.isPresent()) {
        return bounded(
            entries.get().stream()
                .map(e -> wanted ? e : Exprs.not(e))
                .reduce(FALSE, TileSearch::or));
      }
    }
    return new BoolConst(facts.ranges().bool(p) != Truth.NEVER);
  }

  private Expr least(Affine d, Extremes extremes) {
    return extremes.least(d).map(e -> bounded(facts.atMost(e, new IntConst(0)))).orElse(TRUE);
  }

  /** The condition, or true where its numbers may leave 64 bits. */
  private Expr bounded(Expr condition) {
    return facts.exact(condition) ? condition : TRUE;
  }

  // Both sides are simple already.
  private static Expr and(Expr a, Expr b) {
    return a.equals(TRUE) || b.equals(FALSE) || a.equals(b)
        ? b
        : b.equals(TRUE) || a.equals(FALSE) ? a : Exprs.and(a, b);
  }

  private static Expr or(Expr a, Expr b) {
    return a.equals(FALSE) || b.equals(TRUE) || a.equals(b)
        ? b
        : b.equals(FALSE) || a.equals(TRUE) ? a : Exprs.or(a, b);
  }
}
