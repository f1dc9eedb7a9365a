package dev.attune.compiler.pass;

import dev.attune.compiler.analysis.ScoreFactor;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.BinaryOp;
import dev.attune.compiler.spec.Clause;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.ScalarType;
import dev.attune.compiler.spec.Simplify;
import dev.attune.compiler.spec.UnaryOp;
import dev.attune.compiler.tile.Lowering;
import dev.attune.compiler.tile.Op;
import dev.attune.compiler.tile.Ops;
import dev.attune.compiler.tile.TileKernel;
import dev.attune.compiler.tile.Value;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A score is split into a positive uniform factor and the rest: the factor and log₂e become one
 * multiply-add inside exp2, which every score needs anyway, and a rest that is the raw product
 * needs no work of its own. Other uniform factors come together, so that they are one
 * multiplication for every score, and the log₂e of an exponential goes to its terms' factors.
 */
final class FoldScale {
  static final Pass PASS =
      new Pass(
          "fold-scale",
          "scale and log2(e) become one factor of exp2; uniform factors come together",
          FoldScale::rewrite);

  private static final Expr ONE = new Expr.FloatConst(1);

  private FoldScale() {}

  private static TileKernel rewrite(TileKernel kernel) {
    return kernel.withBody(kernel.body().stream().map(op -> inLoop(kernel.spec(), op)).toList());
  }

  private static Op inLoop(AttentionSpec spec, Op op) {
    if (!(op instanceof Op.For loop)) {
      return op;
    }
    Map<Value, Value> replaced = new HashMap<>();
    Expr factor = ONE;
    boolean softmax = loop.body().stream().anyMatch(o -> o instanceof Op.Exp2);
    List<Op> body = new ArrayList<>();
    for (Op inner : loop.body()) {
      Op renamed = Ops.rename(inner, v -> replaced.getOrDefault(v, v));
      switch (renamed) {
        case Op.Map map when softmax && inExp2Domain(map.expr().expr()).isPresent() -> {
          ScoreFactor score = ScoreFactor.of(spec, inExp2Domain(map.expr().expr()).get());
          factor = Simplify.simplify(Exprs.mul(score.factor(), Exprs.of(Lowering.LOG2E)));
          if (score.rest() instanceof Expr.Score) {
            replaced.put(map.out(), map.in());
          } else {
            body.add(map(map, score.rest()));
          }
        }
        case Op.Map map -> body.add(map(map, map.expr().expr()));
        case Op.RowMax o -> body.add(new Op.RowMax(o.out(), o.in(), factor, o.floor()));
        case Op.Exp2 o -> body.add(new Op.Exp2(o.out(), o.in(), factor, o.max(), o.guarded()));
        default -> body.add(renamed);
      }
    }
    return loop.withBody(body);
  }

  private static Op map(Op.Map old, Expr e) {
    Clause clause = new Clause(together(e), old.expr().origin());
    return new Op.Map(old.out(), old.in(), clause, old.index());
  }

  /** The score of an expression that is a score times log₂e. */
  private static Optional<Expr> inExp2Domain(Expr e) {
    return e instanceof Expr.Binary(BinaryOp op, Expr score, Expr.FloatConst(double c))
            && op == BinaryOp.MUL
            && c == Lowering.LOG2E
        ? Optional.of(score)
        : Optional.empty();
  }

  /**
   * With {@code x · u / w} as {@code x · (u / w)} where u and w are uniform, and {@code exp(x)} as
   * {@code exp2(x · log₂e)}.
   */
  private static Expr together(Expr e) {
    if (Lowering.uniform(e)) {
      return e;
    }
    if (e instanceof Expr.Unary(UnaryOp op, Expr x) && op == UnaryOp.EXP) {
      return new Expr.Unary(UnaryOp.EXP2, together(times(x, Exprs.of(Lowering.LOG2E))));
    }
    Product product = product(e);
    Expr rest = Exprs.mapChildren(product.rest, FoldScale::together);
    Expr uniform = Simplify.simplify(product.uniform);
    return uniform.equals(ONE) ? rest : Exprs.mul(rest, uniform);
  }

  /** A float expression times a uniform factor, which goes to the terms of a sum. */
  private static Expr times(Expr e, Expr factor) {
    return switch (e) {
      case Expr.Unary(UnaryOp op, Expr x) when op == UnaryOp.NEG ->
          times(x, Simplify.simplify(new Expr.Unary(UnaryOp.NEG, factor)));
      case Expr.Binary(BinaryOp op, Expr a, Expr b) when op == BinaryOp.ADD || op == BinaryOp.SUB ->
          new Expr.Binary(op, times(a, factor), times(b, factor));
      default -> Simplify.simplify(Exprs.mul(e, factor));
    };
  }

  /** {@code rest · uniform}. */
  private record Product(Expr rest, Expr uniform) {}

  private static Product product(Expr e) {
    return switch (e) {
      case Expr.Binary n when n.type() != ScalarType.FLOAT -> new Product(e, ONE);
      case Expr.Binary(BinaryOp op, Expr a, Expr b)
          when (op == BinaryOp.MUL || op == BinaryOp.DIV) && Lowering.uniform(b) -> {
        Product p = product(a);
        yield new Product(p.rest, new Expr.Binary(op, p.uniform, b));
      }
      case Expr.Binary(BinaryOp op, Expr a, Expr b)
          when op == BinaryOp.MUL && Lowering.uniform(a) -> {
        Product p = product(b);
        yield new Product(p.rest, Exprs.mul(p.uniform, a));
      }
      default -> new Product(e, ONE);
    };
  }
}
