package dev.attune.ptx.select;

import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.UnaryOp;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Expressions of a score that are a function of one tanh: softcaps. */
final class Tanh {
  private static final Expr VALUE = new Expr.Score();

  private Tanh() {}

  /** The argument of the tanh, if the score enters the expression through it alone. */
  static Optional<Expr> only(Expr e) {
    List<Expr> found = new ArrayList<>();
    collect(e, found);
    if (found.size() != 1) {
      return Optional.empty();
    }
    Expr.Unary tanh = (Expr.Unary) found.getFirst();
    boolean alone = !usesScore(replaced(e, new Expr.FloatConst(0)));
    boolean gathers = Exprs.uses(e, x -> x instanceof Expr.Gather);
    return alone && !gathers && usesScore(tanh.x()) ? Optional.of(tanh.x()) : Optional.empty();
  }

  /** The expression with the tanh's value in the place of the score. */
  static Expr outside(Expr e) {
    return replaced(e, VALUE);
  }

  private static Expr replaced(Expr e, Expr by) {
    return isTanh(e) ? by : Exprs.mapChildren(e, child -> replaced(child, by));
  }

  private static void collect(Expr e, List<Expr> found) {
    if (isTanh(e)) {
      found.add(e);
    } else {
      Exprs.children(e).forEach(child -> collect(child, found));
    }
  }

  private static boolean isTanh(Expr e) {
    return e instanceof Expr.Unary u && u.op() == UnaryOp.TANH;
  }

  private static boolean usesScore(Expr e) {
    return Exprs.uses(e, x -> x instanceof Expr.Score);
  }
}
