package dev.attune.compiler.pass;

import dev.attune.compiler.analysis.ScoreFactor;
import dev.attune.compiler.spec.BinaryOp;
import dev.attune.compiler.spec.Clause;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Exprs;
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
 * A score that is the raw product times a positive uniform factor is left raw: the factor and log₂e
 * become one multiply-add inside exp2. In other scores log₂e moves onto uniform factors, which are
 * computed once.
 */
final class FoldScale {
  static final Pass PASS =
      new Pass(
          "fold-scale",
          "scale and log2(e) become one factor of exp2, or of what is uniform",
          FoldScale::rewrite);

  private static final Expr ONE = new Expr.FloatConst(1);

  private FoldScale() {}

  private static TileKernel rewrite(TileKernel kernel) {
    return kernel.withBody(kernel.body().stream().map(FoldScale::inLoop).toList());
  }

  private static Op inLoop(Op op) {
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
          Expr score = inExp2Domain(map.expr().expr()).get();
          Optional<Expr> uniform = ScoreFactor.of(score);
          if (uniform.isPresent()) {
            factor = Simplify.simplify(Exprs.mul(uniform.get(), Exprs.of(Lowering.LOG2E)));
            replaced.put(map.out(), map.in());
          } else {
            Expr folded = Simplify.simplify(timesLog2e(score));
            body.add(
                new Op.Map(
                    map.out(), map.in(), new Clause(folded, map.expr().origin()), map.index()));
          }
        }
        case Op.RowMax o -> body.add(new Op.RowMax(o.out(), o.in(), factor, o.floor()));
        case Op.Exp2 o -> body.add(new Op.Exp2(o.out(), o.in(), factor, o.max(), o.guarded()));
        default -> body.add(renamed);
      }
    }
    return loop.withBody(body);
  }

  /** The score of an expression that is a score times log₂e. */
  private static Optional<Expr> inExp2Domain(Expr e) {
    return e instanceof Expr.Binary(BinaryOp op, Expr score, Expr.FloatConst(double c))
            && op == BinaryOp.MUL
            && c == Lowering.LOG2E
        ? Optional.of(score)
        : Optional.empty();
  }

  /** {@code e · log₂e}, the factor moved to uniform operands where it can be. */
  private static Expr timesLog2e(Expr e) {
    return switch (e) {
      case Expr.Binary(BinaryOp op, Expr a, Expr b) when op == BinaryOp.ADD || op == BinaryOp.SUB ->
          new Expr.Binary(op, timesLog2e(a), timesLog2e(b));
      case Expr.Binary(BinaryOp op, Expr a, Expr b)
          when (op == BinaryOp.MUL || op == BinaryOp.DIV) && Lowering.uniform(a) ->
          new Expr.Binary(op, Exprs.mul(a, Exprs.of(Lowering.LOG2E)), b);
      case Expr.Binary(BinaryOp op, Expr a, Expr b)
          when op == BinaryOp.MUL && Lowering.uniform(b) ->
          Exprs.mul(a, Exprs.mul(b, Exprs.of(Lowering.LOG2E)));
      case Expr.Unary(UnaryOp op, Expr x) when op == UnaryOp.NEG ->
          new Expr.Unary(op, timesLog2e(x));
      case Expr.Select(Expr c, Expr x, Expr y) -> new Expr.Select(c, timesLog2e(x), timesLog2e(y));
      case Expr.FloatConst(double c) -> Exprs.of(c * Lowering.LOG2E);
      default -> Exprs.mul(e, Exprs.of(Lowering.LOG2E));
    };
  }
}
