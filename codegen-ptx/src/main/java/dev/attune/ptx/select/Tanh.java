package dev.attune.ptx.select;

import dev.attune.compiler.spec.BinaryOp;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.Position;
import dev.attune.compiler.spec.UnaryOp;
import dev.attune.compiler.tile.Lowering;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * An expression of a score that is a function of one tanh: a softcap. It is {@code
 * outside(tanh(argument · factor))}.
 *
 * @param factor uniform
 * @param outside with the tanh's value in the place of the score
 */
record Tanh(Expr argument, Expr factor, Expr outside) {
  private static final Expr VALUE = new Expr.Score();

  /** The expression in this form, if the score enters it through one tanh alone. */
  static Optional<Tanh> of(Expr e) {
    List<Expr> found = new ArrayList<>();
    collect(e, found);
    if (found.size() != 1) {
      return Optional.empty();
    }
    Expr inside = ((Expr.Unary) found.getFirst()).x();
    boolean alone = !usesScore(replaced(e, new Expr.FloatConst(0)));
    boolean gathers = Exprs.uses(e, x -> x instanceof Expr.Gather);
    if (!alone || gathers || !usesScore(inside)) {
      return Optional.empty();
    }
    Expr outside = replaced(e, VALUE);
    return Optional.of(
        inside instanceof Expr.Binary(BinaryOp op, Expr x, Expr factor)
                && op == BinaryOp.MUL
                && Lowering.uniform(factor)
                && !Exprs.uses(factor, new Expr.At(Position.H)::equals)
            ? new Tanh(x, factor, outside)
            : new Tanh(inside, new Expr.FloatConst(1), outside));
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
