package dev.attune.compiler.check;

import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Expr.At;
import dev.attune.compiler.spec.Expr.Reduce;
import dev.attune.compiler.spec.Expr.Score;
import dev.attune.compiler.spec.Expr.Size;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.Extent;
import dev.attune.compiler.spec.Position;
import dev.attune.dsl.diagnostic.Code;
import dev.attune.dsl.diagnostic.Diagnostic;
import dev.attune.dsl.diagnostic.Span;
import dev.attune.dsl.syntax.Expression;
import dev.attune.dsl.syntax.Name;
import java.util.Map;
import java.util.Optional;

/**
 * The meaning of {@code e at (q = …, kv = …)}. An expression is a function of the pair that it is
 * for; {@code at} takes its value for another pair, or for sequences of other lengths.
 */
@SuppressWarnings("ReferenceEquality") // Identity is how a rewrite says that nothing changed.
final class Moves {
  private static final Map<String, Expr> PLACES =
      Map.of(
          Position.Q.keyword(), new At(Position.Q),
          Position.KV.keyword(), new At(Position.KV),
          Extent.SQ.keyword(), new Size(Extent.SQ),
          Extent.SKV.keyword(), new Size(Extent.SKV));

  private final Problems problems;
  private final Operators operators;
  private final Variables variables;

  /** Makes variables of reductions from one number to below another. */
  interface Variables {
    Expr.Var fresh(long from, long to);
  }

  Moves(Problems problems, Operators operators, Variables variables) {
    this.problems = problems;
    this.operators = operators;
    this.variables = variables;
  }

  /** What a name before {@code =} stands for. */
  Optional<Expr> place(Name name, Env env) {
    Optional<Expr> place = Optional.ofNullable(PLACES.get(name.text()));
    if (place.isEmpty()) {
      problems.add(
          env,
          Diagnostic.at(
                  name.span(),
                  Code.WRONG_USE,
                  "at moves q, kv, Sq and Skv, not '%s'".formatted(name.text()))
              .help("for example causal at (q = q - start, kv = kv - start)"));
    }
    return place;
  }

  /** The base with each place replaced by its value; all values are those of the pair here. */
  Optional<Expr> move(Expression.Moved moved, Expr base, Map<Expr, Expr> to, Env env) {
    if (Exprs.uses(base, Score.class::isInstance)) {
      problems.add(
          env,
          Diagnostic.at(
                  moved.base().span(), Code.OUT_OF_PLACE, "'score' cannot be moved to another pair")
              .note("score is the product of this query and this key"));
      return Optional.empty();
    }
    boolean written = env.via().isEmpty() && !env.generic();
    for (Expression.Move move : moved.moves()) {
      Expr place = PLACES.get(move.name().text());
      if (written && !Exprs.uses(base, e -> e.equals(place))) {
        problems.add(
            Diagnostic.at(
                    move.name().span(),
                    Code.WRONG_USE,
                    "the expression before at does not use %s".formatted(move.name().text()))
                .also(moved.base().span(), "the same wherever it is")
                .help("leave this out"));
        return Optional.empty();
      }
    }
    Rewrite rewrite = new Rewrite(to, moved.span(), env);
    Expr made = rewrite.of(base);
    return rewrite.failed ? Optional.empty() : Optional.of(made);
  }

  /** One replacement; every node that changes is finished again like one that is written. */
  private final class Rewrite {
    private final Map<Expr, Expr> to;
    private final Span span;
    private final Env env;
    private boolean failed;

    Rewrite(Map<Expr, Expr> to, Span span, Env env) {
      this.to = to;
      this.span = span;
      this.env = env;
    }

    Expr of(Expr e) {
      Expr replacement = to.get(e);
      if (replacement != null || failed) {
        return replacement != null ? replacement : e;
      }
      Expr made = Exprs.mapChildren(e instanceof Reduce r ? renamed(r) : e, this::of);
      if (made == e) {
        return e;
      }
      Optional<Expr> finished = operators.finish(made, span, env);
      failed |= finished.isEmpty();
      return finished.orElse(e);
    }

    /** What is put in may itself contain the reduction's variable. */
    private Reduce renamed(Reduce r) {
      if (!Exprs.uses(r.body(), to::containsKey)) {
        return r;
      }
      Expr.Var fresh = variables.fresh(r.from(), r.to());
      Expr body = Exprs.substitute(r.body(), Map.of(r.variable(), fresh));
      return new Reduce(r.op(), fresh, r.from(), r.to(), body);
    }
  }
}
