package dev.attune.compiler.analysis;

import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.BinaryOp;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.ParamDecl;

/**
 * A score as a product: {@code factor · rest}.
 *
 * @param factor positive and uniform, so that a row's largest score is that of its largest rest
 * @param rest {@link Expr.Score} where the raw product is left as it is
 */
public record ScoreFactor(Expr factor, Expr rest) {
  private static final Expr ONE = new Expr.FloatConst(1);

  /**
   * The largest factor of an expression over a spec's declarations that is known to be positive.
   */
  public static ScoreFactor of(AttentionSpec spec, Expr e) {
    return switch (e) {
      case Expr.Binary(BinaryOp op, Expr a, Expr b)
          when op == BinaryOp.MUL && positive(spec, b) -> {
        ScoreFactor f = of(spec, a);
        yield new ScoreFactor(Exprs.mul(f.factor, b), f.rest);
      }
      case Expr.Binary(BinaryOp op, Expr a, Expr b)
          when op == BinaryOp.MUL && positive(spec, a) -> {
        ScoreFactor f = of(spec, b);
        yield new ScoreFactor(Exprs.mul(a, f.factor), f.rest);
      }
      case Expr.Binary(BinaryOp op, Expr a, Expr b)
          when op == BinaryOp.DIV && positive(spec, b) -> {
        ScoreFactor f = of(spec, a);
        yield new ScoreFactor(new Expr.Binary(BinaryOp.DIV, f.factor, b), f.rest);
      }
      case Expr.Binary(BinaryOp op, Expr a, Expr b)
          when (op == BinaryOp.ADD || op == BinaryOp.SUB) && scaled(spec, a) ->
          sum(of(spec, a).factor, op, b);
      case Expr.Binary(BinaryOp op, Expr a, Expr b) when op == BinaryOp.ADD && scaled(spec, b) ->
          sum(of(spec, b).factor, op, a);
      default -> new ScoreFactor(ONE, e);
    };
  }

  /** Whether an expression is the raw product times a factor. */
  private static boolean scaled(AttentionSpec spec, Expr e) {
    return e instanceof Expr.Binary && of(spec, e).rest instanceof Expr.Score;
  }

  /** {@code score · factor ± term}: with its own factor the term joins by one multiply-add. */
  private static ScoreFactor sum(Expr factor, BinaryOp op, Expr term) {
    Expr share = Exprs.mul(term, new Expr.Binary(BinaryOp.DIV, ONE, factor));
    return new ScoreFactor(factor, new Expr.Binary(op, new Expr.Score(), share));
  }

  /** Whether a spec's scores are the raw products up to a factor. */
  public static boolean plain(AttentionSpec spec) {
    return of(spec, spec.score().expr()).rest instanceof Expr.Score;
  }

  private static boolean positive(AttentionSpec spec, Expr e) {
    return switch (e) {
      case Expr.Scale s -> true;
      case Expr.FloatConst(double c) -> c > 0 && c < Double.POSITIVE_INFINITY;
      case Expr.Param p ->
          spec.param(p.name()).map(ParamDecl::range).filter(range -> range.low() > 0).isPresent();
      case Expr.Binary(BinaryOp op, Expr a, Expr b) ->
          (op == BinaryOp.MUL || op == BinaryOp.DIV) && positive(spec, a) && positive(spec, b);
      default -> false;
    };
  }
}
