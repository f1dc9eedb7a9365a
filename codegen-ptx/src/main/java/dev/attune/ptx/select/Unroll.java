package dev.attune.ptx.select;

import dev.attune.compiler.spec.BinaryOp;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.ReduceOp;
import dev.attune.compiler.spec.ScalarType;
import dev.attune.compiler.spec.Simplify;
import java.util.Map;

/** Bounded reductions written out: kernels have no loop inside an element. */
public final class Unroll {
  private Unroll() {}

  /** The expression without {@link Expr.Reduce}, simplified. */
  public static Expr unroll(Expr e) {
    return Simplify.simplify(expand(e));
  }

  private static Expr expand(Expr e) {
    if (!(e instanceof Expr.Reduce r)) {
      return Exprs.mapChildren(e, Unroll::expand);
    }
    boolean any = r.op() == ReduceOp.ANY;
    Expr result = any ? Exprs.of(false) : r.type() == ScalarType.INT ? Exprs.of(0L) : Exprs.of(0.0);
    for (long i = r.from(); i < r.to(); i++) {
      Expr term = expand(Exprs.substitute(r.body(), Map.of(r.variable(), Exprs.of(i))));
      result =
          i == r.from() ? term : new Expr.Binary(any ? BinaryOp.OR : BinaryOp.ADD, result, term);
    }
    return result;
  }
}
