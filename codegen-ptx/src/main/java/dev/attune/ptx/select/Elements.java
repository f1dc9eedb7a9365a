package dev.attune.ptx.select;

import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Exprs;
import dev.attune.ptx.Inst.IntOp;
import dev.attune.ptx.Inst.Ty;
import dev.attune.ptx.Operand;
import dev.attune.ptx.Operand.IntConst;
import dev.attune.ptx.Reg;
import org.jspecify.annotations.Nullable;

/**
 * Where the elements of a lane's accumulators are.
 *
 * @param rows its rows, two of each block of 16
 * @param queries Sq
 * @param keys Skv
 */
record Elements(Emitter emit, ExprCode expressions, LaneRows rows, Reg queries, Reg keys) {

  /** The element-free site of a lane's row: for what depends on no key. */
  Site rowSite(int r) {
    return site(r, null, null, null);
  }

  Site site(int r, @Nullable IntVal key, @Nullable IntVal keyInside, @Nullable Operand score) {
    IntVal query = rows.position(r);
    // Rows at or past Sq are computed, never stored; what indexes memory stays inside.
    Operand last = emit.arith(IntOp.SUB, Ty.S32, queries, new IntConst(1));
    Operand inside = emit.arith(IntOp.MIN, Ty.S32, expressions.operand(query), last);
    return new Site(IntVal.of(rows.head(r)), query, IntVal.of((Reg) inside), key, keyInside, score);
  }

  /** The element of a row at a key, for an expression. */
  Site keySite(int r, Expr e, LaneKeys lane, IntVal key, @Nullable Operand score) {
    boolean clamped = !lane.whole() && !Exprs.keyGathers(e).isEmpty();
    return site(r, key, clamped ? keyInside(key) : key, score);
  }

  private IntVal keyInside(IntVal key) {
    Operand last = emit.arith(IntOp.SUB, Ty.S32, keys, new IntConst(1));
    return IntVal.of((Reg) emit.arith(IntOp.MIN, Ty.S32, expressions.operand(key), last));
  }

  /** What is done with register {@code i} of block (m, n). */
  interface Action {
    void at(int m, int n, int i);
  }

  /**
   * All rows of a column before the next column: what depends on the key alone is computed once.
   */
  void byColumn(Reg[][][] regs, Action action) {
    for (int n = 0; n < regs[0].length; n++) {
      for (int column = 0; column < 2; column++) {
        for (int m = 0; m < regs.length; m++) {
          action.at(m, n, column);
          action.at(m, n, column + 2);
        }
        emit.forgetPredicates();
      }
    }
  }
}
