package dev.attune.compiler.analysis;

import dev.attune.compiler.spec.BinaryOp;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Expr.Binary;
import dev.attune.compiler.spec.Expr.BoolConst;
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
  private static final int MOST_ALTERNATIVES = 32;
  private static final long MOST_NODES = 1000;
  private static final Expr TRUE = new BoolConst(true);
  private static final Expr FALSE = new BoolConst(false);

  private final Facts facts;
  private final Map<String, KvBounds.Solved> clauses = new LinkedHashMap<>();

  TileSearch(Facts facts) {
    this.facts = facts;
  }

  /** What became of each comparison. */
  List<KvBounds.Solved> clauses() {
    return List.copyOf(clauses.values());
  }

  /** A condition that is true wherever some pair of the tile satisfies the formula. */
  Expr some(Formula formula) {
    Expr exact = Simplify.simplify(some(List.of(formula), List.of(), List.of()));
    return Exprs.nodes(exact) <= MOST_NODES ? exact : TRUE;
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
        case Formula.Clause(Expr stated, Formula meaning) -> {
          report(stated, meaning);
          stack.addFirst(meaning);
        }
        case Formula.Uniform(Expr condition) -> uniform = Exprs.and(uniform, condition);
        case Formula.Any any when any.isUniform() -> uniform = Exprs.and(uniform, uniform(any));
        case Formula.Any any -> choices.add(any);
        case Formula.AtMostZero a -> found.add(a);
        case Formula.IsZero a -> found.add(a);
        case Formula.Opaque o -> found.add(o);
      }
    }
    uniform = Simplify.simplify(uniform);
    if (uniform.equals(FALSE)) {
      return FALSE;
    }
    Expr rest = choices.isEmpty() ? conjunction(found) : distributed(found, choices);
    return Simplify.simplify(Exprs.and(uniform, rest));
  }

  private Expr distributed(List<Formula> literals, List<Formula.Any> choices) {
    long alternatives = 1;
    for (Formula.Any any : choices) {
      alternatives *= any.parts().size();
      if (alternatives > MOST_ALTERNATIVES) {
        break;
      }
    }
    Expr total = FALSE;
    if (alternatives <= MOST_ALTERNATIVES) {
      List<Formula.Any> others = choices.subList(1, choices.size());
      for (Formula part : choices.getFirst().parts()) {
        total = Exprs.or(total, some(List.of(part), literals, others));
      }
      return Simplify.simplify(total);
    }
    total = conjunction(literals);
    for (Formula.Any any : choices) {
      Expr one = FALSE;
      for (Formula part : any.parts()) {
        one = Exprs.or(one, some(List.of(part), literals, List.of()));
      }
      total = Exprs.and(total, Simplify.simplify(one));
    }
    return Simplify.simplify(total);
  }

  private static Expr uniform(Formula f) {
    return switch (f) {
      case Formula.All(List<Formula> parts) ->
          parts.stream().map(TileSearch::uniform).reduce(TRUE, Exprs::and);
      case Formula.Any(List<Formula> parts) ->
          parts.stream().map(TileSearch::uniform).reduce(FALSE, Exprs::or);
      case Formula.Clause(Expr stated, Formula meaning) -> uniform(meaning);
      case Formula.Uniform(Expr condition) -> condition;
      case Formula.AtMostZero a -> TRUE;
      case Formula.IsZero a -> TRUE;
      case Formula.Opaque o -> TRUE;
    };
  }

  private void report(Expr stated, Formula meaning) {
    boolean known = !(meaning instanceof Formula.Opaque);
    clauses.putIfAbsent(
        Exprs.print(stated),
        new KvBounds.Solved(
            Exprs.print(stated),
            known,
            known ? "tested by its extremes over the tile" : "not a comparison of ints"));
  }

  /** What remains to be said of a remainder: the residues that are wanted. */
  private record Residues(Expr x, Expr n, List<Expr> lower, List<Expr> upper) {}

  /** Comparisons that all hold. */
  private Expr conjunction(List<Formula> literals) {
    Zone zone = Zone.TILE;
    List<Formula> tests = new ArrayList<>();
    Map<Expr, Residues> residues = new LinkedHashMap<>();
    List<Formula> todo = new ArrayList<>(literals);
    while (!todo.isEmpty()) {
      Formula next = todo.removeFirst();
      Affine sum =
          switch (next) {
            case Formula.AtMostZero(Affine d) -> d;
            case Formula.IsZero(Affine d) -> d;
            default -> null;
          };
      if (sum == null || !facts.exact(sum.expr())) {
        tests.add(next instanceof Formula.Opaque ? next : new Formula.Opaque(TRUE));
        continue;
      }
      boolean equal = next instanceof Formula.IsZero;
      Expr only = sum.only(Facts::isPosition);
      Zone narrowed = narrow(zone, sum, equal);
      if (narrowed != null) {
        zone = narrowed;
      } else if (only instanceof Binary(BinaryOp op, Expr x, Expr n)
          && (op == BinaryOp.FLOOR_DIV || op == BinaryOp.FLOOR_MOD)
          && !Facts.varies(n)
          && facts.ranges().integer(n).lo() >= 1
          && (!equal || Math.abs(sum.coefficient(only)) == 1)) {
        long factor = sum.coefficient(only);
        Affine rest = sum.without(only);
        Optional<Expr> low =
            equal || factor < 0 ? Optional.of(quotient(rest, -factor, true)) : Optional.empty();
        Optional<Expr> high =
            equal || factor > 0 ? Optional.of(quotient(rest, -factor, false)) : Optional.empty();
        if (op == BinaryOp.FLOOR_DIV) {
          low.ifPresent(
              l -> todo.addFirst(new Formula.AtMostZero(Affine.of(Exprs.sub(product(l, n), x)))));
          high.ifPresent(
              h ->
                  todo.addFirst(
                      new Formula.AtMostZero(
                          Affine.of(Exprs.sub(x, product(h, n))).minus(Affine.of(n)).plus(1))));
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
    Extremes extremes = new Extremes(facts, zone);
    Expr total = TRUE;
    for (Expr condition : zone.feasible(facts)) {
      total = Exprs.and(total, bounded(condition));
    }
    for (Residues r : residues.values()) {
      total = Exprs.and(total, residue(r, extremes));
    }
    for (Formula test : tests) {
      total = Exprs.and(total, test(test, extremes));
    }
    return Simplify.simplify(total);
  }

  private static Expr product(Expr a, Expr n) {
    return Simplify.simplify(Exprs.mul(a, n));
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
    return bounded(Exprs.and(wanted, facts.atMost(above, width)));
  }

  private Expr test(Formula f, Extremes extremes) {
    return switch (f) {
      case Formula.AtMostZero(Affine d) -> least(d, extremes);
      case Formula.IsZero(Affine d) -> Exprs.and(least(d, extremes), least(d.times(-1), extremes));
      case Formula.Opaque(Expr p) -> new BoolConst(facts.ranges().bool(p) != Truth.NEVER);
      default -> throw new IllegalArgumentException("not a comparison: " + f);
    };
  }

  private Expr least(Affine d, Extremes extremes) {
    return extremes.least(d).map(e -> bounded(facts.atMost(e, new IntConst(0)))).orElse(TRUE);
  }

  /** The condition, or true where its numbers may leave 64 bits. */
  private Expr bounded(Expr condition) {
    return facts.exact(condition) ? condition : TRUE;
  }
}
