package dev.attune.compiler.check;

import dev.attune.compiler.spec.BinaryOp;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Expr.Binary;
import dev.attune.compiler.spec.Expr.Compare;
import dev.attune.compiler.spec.Expr.Param;
import dev.attune.compiler.spec.Expr.Size;
import dev.attune.compiler.spec.ScalarType;
import dev.attune.dsl.diagnostic.Code;
import dev.attune.dsl.diagnostic.Diagnostic;
import dev.attune.dsl.diagnostic.Span;
import dev.attune.dsl.syntax.Expression;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Checks a mask: that some pair can be live, and that each condition joined by {@code and} takes
 * something away.
 */
final class MaskChecker {
  private final Problems problems;
  private final Elaborator elaborator;
  private final Ranges ranges;

  MaskChecker(Problems problems, Elaborator elaborator, Ranges ranges) {
    this.problems = problems;
    this.elaborator = elaborator;
    this.ranges = ranges;
  }

  /** A condition of the mask as it is written, with its bounds on sums of positions. */
  private record Part(Span span, Expr expr, List<Bound> bounds) {}

  /**
   * A bound on a sum of positions: it lies in {@code outer} wherever the condition holds, and the
   * condition holds wherever it lies in {@code inner}.
   */
  private record Bound(Map<Expr, Double> sum, Interval outer, Interval inner) {}

  /** The meaning of the mask. */
  Optional<Expr> check(Expression mask, Env env) {
    List<Part> parts = new ArrayList<>();
    boolean complete = true;
    for (Expression condition : conditions(mask)) {
      Optional<Expr> expr = elaborator.elaborate(condition, ScalarType.BOOL, env, "mask");
      complete &= expr.isPresent();
      expr.ifPresent(e -> parts.add(new Part(condition.span(), e, bounds(e))));
    }
    if (!complete) {
      return Optional.empty();
    }
    Expr all = parts.getFirst().expr();
    for (Part part : parts.subList(1, parts.size())) {
      Optional<Expr> joined =
          elaborator.finish(new Binary(BinaryOp.AND, all, part.expr()), mask.span(), env);
      if (joined.isEmpty()) {
        return Optional.empty();
      }
      all = joined.get();
    }
    if (ranges.truth(all) == Truth.NEVER || contradictory(parts)) {
      problems.add(
          Diagnostic.at(mask.span(), Code.NEVER_LIVE, "this mask is never true")
              .label("no query sees any key")
              .help("check the direction of the comparisons"));
      return Optional.empty();
    }
    redundant(parts);
    return Optional.of(all);
  }

  private static List<Expression> conditions(Expression e) {
    if (e instanceof Expression.Infix i && i.operator().equals("and")) {
      List<Expression> both = new ArrayList<>(conditions(i.left()));
      both.addAll(conditions(i.right()));
      return both;
    }
    return List.of(e);
  }

  private List<Bound> bounds(Expr e) {
    if (e instanceof Binary b && b.op() == BinaryOp.AND) {
      List<Bound> both = new ArrayList<>(bounds(b.a()));
      both.addAll(bounds(b.b()));
      return both;
    }
    return e instanceof Compare c && c.a().type() == ScalarType.INT
        ? bound(c).map(List::of).orElse(List.of())
        : List.of();
  }

  private Optional<Bound> bound(Compare c) {
    Affine difference = Affine.of(c.a()).plus(Affine.of(c.b()), -1);
    Affine varying = difference.only(t -> !uniform(t));
    if (varying.terms().isEmpty()) {
      return Optional.empty();
    }
    Interval rest = difference.plus(varying, -1).range(ranges);
    boolean flip = varying.terms().values().iterator().next() < 0;
    Interval infinite = Interval.of(Double.NEGATIVE_INFINITY, Double.POSITIVE_INFINITY);
    double low = infinite.low();
    double high = infinite.high();
    Interval outer;
    Interval inner;
    // varying + rest op 0, so varying op -rest.
    switch (c.op()) {
      case LE, LT -> {
        double step = c.op().symbol().equals("<") ? 1 : 0;
        outer = Interval.of(low, -rest.low() - step);
        inner = Interval.of(low, -rest.high() - step);
      }
      case GE, GT -> {
        double step = c.op().symbol().equals(">") ? 1 : 0;
        outer = Interval.of(-rest.high() + step, high);
        inner = Interval.of(-rest.low() + step, high);
      }
      case EQ -> {
        outer = rest.negated();
        inner = rest.low() == rest.high() ? outer : Interval.of(1, 0);
      }
      default -> {
        return Optional.empty();
      }
    }
    Affine sum = flip ? varying.times(-1) : varying;
    return Optional.of(
        new Bound(sum.terms(), flip ? outer.negated() : outer, flip ? inner.negated() : inner));
  }

  /** Whether the term is the same for every element of a launch. */
  private static boolean uniform(Expr term) {
    return term instanceof Param || term instanceof Size;
  }

  private static boolean contradictory(List<Part> parts) {
    Map<Map<Expr, Double>, Interval> together = new LinkedHashMap<>();
    for (Part part : parts) {
      for (Bound bound : part.bounds()) {
        Interval both =
            together.merge(
                bound.sum(),
                bound.outer(),
                (a, b) -> Interval.of(Math.max(a.low(), b.low()), Math.min(a.high(), b.high())));
        if (both.low() > both.high()) {
          return true;
        }
      }
    }
    return false;
  }

  private void redundant(List<Part> parts) {
    for (int i = 0; i < parts.size(); i++) {
      Part part = parts.get(i);
      if (part.bounds().isEmpty() || conjuncts(part.expr()) != part.bounds().size()) {
        continue;
      }
      for (int j = 0; j < parts.size(); j++) {
        boolean same = implied(parts.get(j), part);
        if (i == j || !same || (j > i && implied(part, parts.get(j)))) {
          continue;
        }
        problems.add(
            Diagnostic.at(
                    part.span(),
                    Code.REDUNDANT_CONDITION,
                    "this condition has no effect: it holds wherever another one does")
                .also(parts.get(j).span(), "wherever this holds")
                .help("remove it, or write the condition that was meant"));
        break;
      }
    }
  }

  private static int conjuncts(Expr e) {
    return e instanceof Binary b && b.op() == BinaryOp.AND
        ? conjuncts(b.a()) + conjuncts(b.b())
        : 1;
  }

  /** Whether every bound of {@code weak} holds wherever {@code strong} does. */
  private static boolean implied(Part strong, Part weak) {
    return !weak.bounds().isEmpty()
        && conjuncts(weak.expr()) == weak.bounds().size()
        && weak.bounds().stream()
            .allMatch(
                w ->
                    strong.bounds().stream()
                        .anyMatch(
                            s ->
                                s.sum().equals(w.sum())
                                    && s.outer().low() >= w.inner().low()
                                    && s.outer().high() <= w.inner().high()));
  }
}
