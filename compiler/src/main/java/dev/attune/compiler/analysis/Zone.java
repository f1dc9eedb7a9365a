package dev.attune.compiler.analysis;

import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.Simplify;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BinaryOperator;
import java.util.stream.Stream;

/**
 * The pairs of a tile with {@code q}, {@code kv} and {@code q - kv} each between bounds that are
 * uniform over the tile: a zone of Miné (2001), with expressions in place of numbers. A zone of
 * integers has no gaps: each of the three takes every value between its tightest bounds.
 */
record Zone(Range q, Range kv, Range difference) {

  /** At least each of some bounds and at most each of others. */
  record Range(List<Expr> lower, List<Expr> upper) {
    Range {
      lower = List.copyOf(lower);
      upper = List.copyOf(upper);
    }
  }

  /** What a zone bounds. */
  enum Axis {
    Q,
    KV,
    DIFFERENCE
  }

  /** The whole tile. */
  static final Zone TILE =
      new Zone(
          new Range(List.of(KvBounds.Q_FIRST), List.of(KvBounds.Q_LAST)),
          new Range(List.of(KvBounds.KV_FIRST), List.of(KvBounds.KV_LAST)),
          new Range(List.of(), List.of()));

  Range range(Axis axis) {
    return switch (axis) {
      case Q -> q;
      case KV -> kv;
      case DIFFERENCE -> difference;
    };
  }

  /** With one more bound, unless another is known to be as tight. */
  Zone with(Axis axis, boolean upper, Expr bound, Facts facts) {
    Range old = range(axis);
    Range tighter =
        upper
            ? new Range(old.lower, tightest(add(old.upper, bound), true, facts))
            : new Range(tightest(add(old.lower, bound), false, facts), old.upper);
    return switch (axis) {
      case Q -> new Zone(tighter, kv, difference);
      case KV -> new Zone(q, tighter, difference);
      case DIFFERENCE -> new Zone(q, kv, tighter);
    };
  }

  private static List<Expr> add(List<Expr> bounds, Expr bound) {
    return Stream.concat(bounds.stream(), Stream.of(Simplify.simplify(bound))).toList();
  }

  /** The tightest bound of an axis in the zone, those through the other two axes included. */
  Expr bound(Axis axis, boolean upper, Facts facts) {
    List<Expr> bounds =
        switch (axis) {
          case Q -> through(upper, q, Exprs::add, kv, upper, difference, upper);
          case KV -> through(upper, kv, Exprs::sub, q, upper, difference, !upper);
          case DIFFERENCE -> through(upper, difference, Exprs::sub, q, upper, kv, !upper);
        };
    return tightest(bounds, upper, facts).stream()
        .reduce(upper ? Exprs::min : Exprs::max)
        .map(Simplify::simplify)
        .orElseThrow();
  }

  private static List<Expr> through(
      boolean upper,
      Range own,
      BinaryOperator<Expr> join,
      Range a,
      boolean upperA,
      Range b,
      boolean upperB) {
    List<Expr> bounds = new ArrayList<>(upper ? own.upper : own.lower);
    for (Expr x : upperA ? a.upper : a.lower) {
      for (Expr y : upperB ? b.upper : b.lower) {
        bounds.add(Affine.of(join.apply(x, y)).expr());
      }
    }
    return bounds;
  }

  /** Without bounds that another implies. */
  private static List<Expr> tightest(List<Expr> bounds, boolean upper, Facts facts) {
    List<Expr> kept = new ArrayList<>();
    for (Expr b : bounds) {
      if (kept.stream().noneMatch(k -> upper ? facts.ordered(k, b) : facts.ordered(b, k))) {
        kept.removeIf(k -> upper ? facts.ordered(b, k) : facts.ordered(k, b));
        kept.add(b);
      }
    }
    return kept;
  }

  /**
   * The conditions under which the zone has a pair: three unknowns of which one is the difference
   * of the others are feasible where no cycle of bounds contradicts itself.
   */
  List<Expr> feasible(Facts facts) {
    List<Expr> conditions = new ArrayList<>();
    for (Axis axis : Axis.values()) {
      Range r = range(axis);
      r.lower.forEach(l -> r.upper.forEach(u -> conditions.add(facts.atMost(l, u))));
    }
    for (Expr d : difference.upper) {
      q.lower.forEach(a -> kv.upper.forEach(b -> conditions.add(facts.atMost(Exprs.sub(a, b), d))));
    }
    for (Expr d : difference.lower) {
      q.upper.forEach(a -> kv.lower.forEach(b -> conditions.add(facts.atMost(d, Exprs.sub(a, b)))));
    }
    return conditions;
  }
}
