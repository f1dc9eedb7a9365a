package dev.attune.compiler.analysis;

import dev.attune.compiler.spec.BinaryOp;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Exprs;
import java.util.Optional;

/** Recognises scores that leave the raw product as it is, up to a positive uniform factor. */
public final class ScoreFactor {
  private static final Expr ONE = new Expr.FloatConst(1);

  private ScoreFactor() {}

  /** The positive uniform factor of an expression that is the raw score times it. */
  public static Optional<Expr> of(Expr e) {
    return switch (e) {
      case Expr.Score s -> Optional.of(ONE);
      case Expr.Binary(BinaryOp op, Expr a, Expr b) when op == BinaryOp.MUL && positive(b) ->
          of(a).map(f -> Exprs.mul(f, b));
      case Expr.Binary(BinaryOp op, Expr a, Expr b) when op == BinaryOp.MUL && positive(a) ->
          of(b).map(f -> Exprs.mul(a, f));
      case Expr.Binary(BinaryOp op, Expr a, Expr b) when op == BinaryOp.DIV && positive(b) ->
          of(a).map(f -> new Expr.Binary(BinaryOp.DIV, f, b));
      default -> Optional.empty();
    };
  }

  private static boolean positive(Expr e) {
    return switch (e) {
      case Expr.Scale s -> true;
      case Expr.FloatConst(double c) -> c > 0 && c < Double.POSITIVE_INFINITY;
      case Expr.Binary(BinaryOp op, Expr a, Expr b) ->
          (op == BinaryOp.MUL || op == BinaryOp.DIV) && positive(a) && positive(b);
      default -> false;
    };
  }
}
