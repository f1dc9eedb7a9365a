package dev.attune.compiler.check;

import dev.attune.compiler.spec.Bindings;
import dev.attune.compiler.spec.Eval;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Expr.Binary;
import dev.attune.compiler.spec.Expr.BoolConst;
import dev.attune.compiler.spec.Expr.Compare;
import dev.attune.compiler.spec.Expr.FloatConst;
import dev.attune.compiler.spec.Expr.IntConst;
import dev.attune.compiler.spec.Expr.Reduce;
import dev.attune.compiler.spec.Expr.Select;
import dev.attune.compiler.spec.Expr.Unary;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.compiler.spec.Shape;
import java.util.Map;

/** Values that are known at compile time. */
final class Constants {
  private static final Shape NO_SHAPE = new Shape(1, 1, 1, 1, 1, new HeadDim(8, 8));

  private Constants() {}

  /** Whether the expression is a literal. */
  static boolean isConstant(Expr e) {
    return e instanceof IntConst || e instanceof FloatConst || e instanceof BoolConst;
  }

  /**
   * The expression, computed if its operands are literals. A result that is not finite, or leaves
   * 64 bits, stays uncomputed.
   */
  static Expr fold(Expr e) {
    boolean known =
        switch (e) {
          case Unary u -> isConstant(u.x());
          case Binary b -> isConstant(b.a()) && isConstant(b.b());
          case Compare c -> isConstant(c.a()) && isConstant(c.b());
          case Select s ->
              isConstant(s.condition()) && isConstant(s.then()) && isConstant(s.otherwise());
          case Reduce r -> isConstant(r.body());
          default -> false;
        };
    if (!known) {
      return e;
    }
    try {
      Expr value = evaluate(e, Map.of());
      return value instanceof FloatConst(double x) && !Double.isFinite((float) x) ? e : value;
    } catch (ArithmeticException overflow) {
      return e;
    }
  }

  /** The value of an expression over parameters only. */
  static Expr evaluate(Expr e, Map<String, Double> params) {
    Eval eval = new Eval(new Bindings(NO_SHAPE, 1, params, Map.of()));
    return switch (e.type()) {
      case INT -> new IntConst(eval.integer(e));
      case FLOAT -> new FloatConst(eval.real(e));
      case BOOL -> new BoolConst(eval.bool(e));
    };
  }

  /** A literal as a number: bools as 0 and 1. */
  static double number(Expr literal) {
    return switch (literal) {
      case IntConst(long value) -> value;
      case FloatConst(double value) -> value;
      case BoolConst(boolean value) -> value ? 1 : 0;
      default -> throw new IllegalArgumentException("not a literal: " + literal);
    };
  }
}
