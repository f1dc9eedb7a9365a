package dev.attune.ptx.ampere;

import dev.attune.compiler.schedule.Schedule;
import dev.attune.ptx.Inst;
import dev.attune.ptx.Inst.IntOp;
import dev.attune.ptx.Inst.Ty;
import dev.attune.ptx.Operand;
import dev.attune.ptx.Operand.IntConst;
import dev.attune.ptx.Reg;
import dev.attune.ptx.select.Emitter;

/**
 * A thread's place in its CTA.
 *
 * @param tid index in the CTA
 * @param lane index in the warp
 * @param firstRow first query row of the warp, within the CTA's tile
 * @param row lane / 4: the row of an accumulator block's upper half
 * @param pair 2·(lane % 4): the first column in an accumulator block
 * @param shared address of the CTA's shared memory
 */
record Threads(Reg tid, Reg lane, Reg firstRow, Reg row, Reg pair, Reg shared) {

  static Threads emit(Emitter emit, Schedule.Ampere schedule) {
    Reg tid = emit.fresh(Reg.Kind.B32);
    emit.add(new Inst.ReadSpecial(tid, Inst.Special.TID_X));
    Reg shared = emit.fresh(Reg.Kind.B32);
    emit.add(new Inst.SharedBase(shared));
    Reg lane = reg(emit.arith(IntOp.AND, Ty.B32, tid, new IntConst(31)));
    Operand warp = emit.arith(IntOp.SHR, Ty.S32, tid, new IntConst(5));
    Operand firstRow = emit.arith(IntOp.MUL, Ty.S32, warp, new IntConst(schedule.rowsPerWarp()));
    Operand row = emit.arith(IntOp.SHR, Ty.S32, lane, new IntConst(2));
    Operand quad = emit.arith(IntOp.AND, Ty.B32, lane, new IntConst(3));
    Operand pair = emit.arith(IntOp.SHL, Ty.B32, quad, new IntConst(1));
    return new Threads(tid, lane, reg(firstRow), reg(row), reg(pair), shared);
  }

  private static Reg reg(Operand operand) {
    return (Reg) operand;
  }
}
