package dev.attune.compiler.analysis;

import dev.attune.compiler.spec.BinaryOp;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Expr.Binary;
import dev.attune.compiler.spec.Expr.IntConst;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.Simplify;

/**
 * The fact {@code x // n == value}.
 *
 * @param n at least 1
 */
record Quotient(Expr x, Expr n, Expr value) {

  /**
   * An expression of the same value with the quotient in place of {@code x // n} and of what
   * follows from it: {@code x % n}, and the quotient and remainder by a multiple of n.
   */
  Expr in(Expr e) {
    return Simplify.simplify(replaced(e));
  }

  private Expr replaced(Expr e) {
    if (e instanceof Binary(BinaryOp op, Expr y, Expr m)
        && (op == BinaryOp.FLOOR_DIV || op == BinaryOp.FLOOR_MOD)
        && y.equals(x)) {
      long times = times(m);
      if (times > 0) {
        Expr larger =
            times == 1 ? value : new Binary(BinaryOp.FLOOR_DIV, value, new IntConst(times));
        return op == BinaryOp.FLOOR_DIV ? larger : Exprs.sub(x, Exprs.mul(larger, m));
      }
    }
    return Exprs.mapChildren(e, this::replaced);
  }

  /** How many times n a number is, or 0. */
  private long times(Expr m) {
    return m.equals(n)
        ? 1
        : m instanceof IntConst(long a) && n instanceof IntConst(long b) && a > 0 && a % b == 0
            ? a / b
            : 0;
  }
}
