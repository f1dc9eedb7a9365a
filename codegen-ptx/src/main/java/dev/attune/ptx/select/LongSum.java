package dev.attune.ptx.select;

import dev.attune.compiler.spec.BinaryOp;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.ScalarType;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * A sum within an expression of a score whose terms together keep too much in registers, such as a
 * product of captured vectors. Each term is added for all elements of a tile before the next one.
 *
 * @param terms in the order of addition; none but the first uses the score
 * @param rest the expression with the score in place of the sum
 */
record LongSum(List<Expr> terms, Expr rest) {
  private static final Expr SCORE = new Expr.Score();

  /** What to evaluate, each with the value of the one before as the score. */
  List<Expr> steps() {
    List<Expr> steps = new ArrayList<>();
    steps.add(terms.getFirst());
    terms.stream().skip(1).map(t -> new Expr.Binary(BinaryOp.ADD, SCORE, t)).forEach(steps::add);
    steps.add(rest);
    steps.removeIf(SCORE::equals);
    return steps;
  }

  /** The sum of an expression, if it has one that is worth it. */
  static Optional<LongSum> of(Expr e) {
    if (!Terms.keepMuch(e)) {
      return Optional.empty();
    }
    if (e instanceof Expr.Binary(BinaryOp op, Expr a, Expr b)
        && op == BinaryOp.ADD
        && e.type() == ScalarType.FLOAT) {
      List<Expr> terms = Terms.of(BinaryOp.ADD, e).toList();
      List<Expr> scores = terms.stream().filter(LongSum::usesScore).toList();
      List<Expr> others = terms.stream().filter(t -> !usesScore(t)).toList();
      return scores.size() > 1 || terms.stream().anyMatch(Terms::keepMuch)
          ? Optional.empty()
          : Optional.of(
              new LongSum(Stream.concat(scores.stream(), others.stream()).toList(), SCORE));
    }
    // Of one child alone: the score stands for its sum in the rest.
    List<Expr> children = Exprs.children(e);
    List<Expr> heavy = children.stream().filter(Terms::keepMuch).toList();
    if (heavy.size() != 1 || children.stream().anyMatch(c -> !Terms.keepMuch(c) && usesScore(c))) {
      return Optional.empty();
    }
    return of(heavy.getFirst())
        .map(
            sum ->
                new LongSum(
                    sum.terms(), Exprs.mapChildren(e, c -> Terms.keepMuch(c) ? sum.rest() : c)));
  }

  private static boolean usesScore(Expr e) {
    return Exprs.uses(e, x -> x instanceof Expr.Score);
  }
}
