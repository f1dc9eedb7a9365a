package dev.attune.ptx.select;

import dev.attune.compiler.spec.CompareOp;
import dev.attune.compiler.spec.Expr;
import dev.attune.ptx.Inst;
import dev.attune.ptx.Inst.IntOp;
import dev.attune.ptx.Inst.MemTy;
import dev.attune.ptx.Inst.PredOp;
import dev.attune.ptx.Inst.Ty;
import dev.attune.ptx.Operand;
import dev.attune.ptx.Operand.IntConst;
import dev.attune.ptx.Reg;

/**
 * Finds {@link Expr.Search}. A warp reads 32 entries at a time, one in each lane, which part what
 * is left in 33: three rounds suffice for 33 824 entries, four for a million. All lanes of the warp
 * must be there, with the same row and value. Nothing outside the row is read, whatever stands in
 * it.
 */
final class SortedSearch {
  private static final int LANES = 32;

  private final Emitter emit;
  private final Reg lane;

  SortedSearch(Emitter emit, Reg lane) {
    this.emit = emit;
    this.lane = lane;
  }

  /**
   * The first entry that is not less than a value.
   *
   * @param row address of the row's first entry
   * @param entries of the row; none where it is not positive
   * @param wide whether the value has 64 bits
   */
  Reg find(Operand row, Operand entries, Operand value, boolean wide) {
    // Entries before low are less than the value; those from high on are not.
    Reg low = variable(new IntConst(0));
    Reg high = variable(entries);
    String start = emit.label("bisect");
    String end = emit.label("bisected");
    emit.add(new Inst.Label(start));
    emit.scope(
        () -> {
          Reg done = emit.compare(CompareOp.GE, Ty.S32, low, high);
          emit.add(new Inst.Guarded(done, false, new Inst.Bra(end, true)));
          round(emit.reg(row, Reg.Kind.B64), low, high, value, wide);
        });
    emit.add(new Inst.Bra(start, true));
    emit.add(new Inst.Label(end));
    Reg none = emit.compare(CompareOp.GE, Ty.S32, low, entries);
    return emit.select(Reg.Kind.B32, none, new IntConst(Expr.Search.NOWHERE), low);
  }

  private void round(Reg row, Reg low, Reg high, Operand value, boolean wide) {
    // A lane looks at the last entry of its part, if it lies before high.
    Operand left = emit.arith(IntOp.SUB, Ty.S32, high, low);
    Operand more = emit.arith(IntOp.ADD, Ty.U32, left, new IntConst(LANES - 1));
    Operand part = emit.arith(IntOp.DIV, Ty.U32, more, new IntConst(LANES));
    Operand parts = emit.arith(IntOp.ADD, Ty.S32, lane, new IntConst(1));
    Operand next = emit.mad(Ty.S32, parts, part, low);
    Reg exists = emit.compare(CompareOp.LE, Ty.U32, next, high);
    Operand inside = emit.arith(IntOp.MIN, Ty.U32, next, high);
    Operand index = emit.arith(IntOp.SUB, Ty.S32, inside, new IntConst(1));
    Reg address = emit.madWide(index, new IntConst(4), row);
    Reg entry = emit.loadConst(MemTy.B32, new Inst.Address(address, 0));
    Reg less =
        wide
            ? emit.compare(
                CompareOp.LT, Ty.S64, emit.convert(Inst.Conversion.S64_FROM_S32, entry), value)
            : emit.compare(CompareOp.LT, Ty.S32, entry, value);
    Reg votes = emit.fresh(Reg.Kind.B32);
    emit.add(new Inst.VoteBallot(votes, emit.logic(PredOp.AND, exists, less)));
    Reg count = emit.fresh(Reg.Kind.B32);
    emit.add(new Inst.PopCount(count, votes));
    // The first lane whose entry is not less, or that has none, bounds what is left.
    Operand start = emit.mad(Ty.S32, count, part, low);
    Operand last = emit.arith(IntOp.SUB, Ty.S32, part, new IntConst(1));
    Operand end = emit.arith(IntOp.ADD, Ty.S32, start, last);
    emit.add(new Inst.Arith(IntOp.MIN, Ty.U32, high, high, end));
    emit.add(new Inst.Mov(low, start));
  }

  private Reg variable(Operand value) {
    Reg reg = emit.fresh(Reg.Kind.B32);
    emit.add(new Inst.Mov(reg, value));
    return reg;
  }
}
