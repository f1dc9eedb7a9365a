package dev.attune.compiler.reference;

import dev.attune.compiler.spec.BinaryOp;
import dev.attune.compiler.spec.Eval;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Expr.Binary;
import dev.attune.compiler.spec.Expr.Reduce;
import dev.attune.compiler.spec.Expr.Score;
import dev.attune.compiler.spec.Expr.Select;
import dev.attune.compiler.spec.Expr.Unary;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.UnaryOp;

/**
 * How far a value of binary32 arithmetic may be from the exact one, to first order: the error of
 * each operand times the slope of the operation, and the rounding of the result (running error
 * analysis: Higham, Accuracy and Stability of Numerical Algorithms, 2nd edition, section 3.3). A
 * difference of large numbers is as uncertain as they are.
 */
final class RunningError {
  /** Relative, of an operation rounded to nearest. */
  private static final double ROUNDING = 0x1p-24;

  /** Relative, of approximate functions and of the terms of q·k, whose sums are truncated. */
  private static final double APPROXIMATION = 0x1p-22;

  /** Relative, of tanh.approx (PTX ISA, "tanh"). */
  private static final double FAST = 0x1p-11;

  private final Eval eval;
  private double product;

  /** Errors at the element at which the evaluator is. */
  RunningError(Eval eval) {
    this.eval = eval;
  }

  /** Sets how large the terms are that the raw product sums: Σ |q·k|. */
  RunningError product(double magnitude) {
    product = APPROXIMATION * magnitude;
    return this;
  }

  /** The absolute error of a float expression; infinite or NaN only where its value is. */
  double of(Expr e) {
    return switch (e) {
      case Score s -> product;
      case Unary(UnaryOp op, Expr x) -> unary(e, op, x);
      case Binary(BinaryOp op, Expr a, Expr b) -> binary(e, op, a, b);
      case Select(Expr c, Expr a, Expr b) -> of(eval.bool(c) ? a : b);
      case Reduce r -> {
        double sum = 0;
        double size = 0;
        for (long i = r.from(); i < r.to(); i++) {
          eval.bind(r.variable(), i);
          sum += of(r.body());
          size += Math.abs(eval.real(r.body()));
        }
        yield sum + ROUNDING * (r.to() - r.from()) * size;
      }
      default -> ROUNDING * Math.abs(eval.real(e));
    };
  }

  private double unary(Expr e, UnaryOp op, Expr x) {
    double y = Math.abs(eval.real(e));
    return switch (op) {
      case NEG, ABS -> of(x);
      case TO_FLOAT -> ROUNDING * y;
      case EXP -> times(y, of(x) + APPROXIMATION * Math.max(1, Math.abs(eval.real(x))));
      case EXP2 -> times(y, of(x) + APPROXIMATION);
      case LOG, LOG2 -> over(2 * of(x), Math.abs(eval.real(x))) + APPROXIMATION * Math.max(1, y);
      // Near zero the slope of a root exceeds any bound, but it moves by at most the root.
      case SQRT -> Math.min(over(of(x), y), Math.sqrt(of(x))) + APPROXIMATION * y;
      case RSQRT -> times(y, over(of(x), Math.abs(eval.real(x))) + APPROXIMATION);
      case TANH, ERF -> Math.min(2, 1.2 * of(x)) + APPROXIMATION;
      case FAST_TANH -> Math.min(2, of(x)) + FAST * y + APPROXIMATION;
      case SIN, COS -> Math.min(2, of(x)) + APPROXIMATION * Math.max(1, Math.abs(eval.real(x)));
      case NOT, BIT_NOT, TO_INT ->
          throw new IllegalArgumentException(op + " has no float result: " + Exprs.print(e));
    };
  }

  private double binary(Expr e, BinaryOp op, Expr a, Expr b) {
    double y = Math.abs(eval.real(e));
    double x1 = Math.abs(eval.real(a));
    double x2 = Math.abs(eval.real(b));
    return switch (op) {
      case ADD, SUB -> of(a) + of(b) + ROUNDING * y;
      case MUL -> times(x2, of(a)) + times(x1, of(b)) + ROUNDING * y;
      case DIV -> over(of(a) + times(y, of(b)), x2) + APPROXIMATION * y;
      case MIN, MAX -> Math.max(of(a), of(b));
      case POW -> times(y, over(times(x2, of(a)), x1) + APPROXIMATION * Math.max(1, x2));
      default -> throw new IllegalArgumentException(op + " of floats: " + Exprs.print(e));
    };
  }

  private static double times(double a, double b) {
    return a == 0 || b == 0 ? 0 : a * b;
  }

  private static double over(double error, double x) {
    return error == 0 ? 0 : error / x;
  }
}
