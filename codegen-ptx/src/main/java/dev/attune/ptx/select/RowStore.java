package dev.attune.ptx.select;

import dev.attune.compiler.spec.CompareOp;
import dev.attune.compiler.spec.Extent;
import dev.attune.compiler.spec.Operand;
import dev.attune.ptx.Inst;
import dev.attune.ptx.Inst.IntOp;
import dev.attune.ptx.Inst.MemTy;
import dev.attune.ptx.Inst.Space;
import dev.attune.ptx.Inst.Ty;
import dev.attune.ptx.Operand.IntConst;
import dev.attune.ptx.Reg;
import java.util.List;

/** Stores of one float per query row. */
public final class RowStore {
  private final Emitter emit;
  private final KernelParameters parameters;

  public RowStore(Emitter emit, KernelParameters parameters) {
    this.emit = emit;
    this.parameters = parameters;
  }

  /**
   * Writes a lane's rows, which are 8 apart, at [batch, head, row] where the row is before Sq; the
   * first lane of each quad writes.
   *
   * @param row the lane's first row, counted in the sequence
   * @param pair 2·(lane % 4)
   */
  public void store(Operand of, Reg[] values, Reg batch, Reg head, Reg row, Reg pair) {
    var left = emit.arith(IntOp.SUB, Ty.S32, parameters.size(Extent.SQ), row);
    Reg first = emit.compare(CompareOp.EQ, Ty.S32, pair, new IntConst(0));
    left = emit.select(Reg.Kind.B32, first, left, new IntConst(0));
    var wideBatch = emit.convert(Inst.Conversion.S64_FROM_S32, batch);
    var wideHeads = emit.convert(Inst.Conversion.S64_FROM_S32, parameters.size(Extent.HQ));
    var inBatch = emit.convert(Inst.Conversion.S64_FROM_S32, head);
    var wideHead = emit.mad(Ty.S64, wideBatch, wideHeads, inBatch);
    var queries = emit.convert(Inst.Conversion.S64_FROM_S32, parameters.size(Extent.SQ));
    var wideRow = emit.convert(Inst.Conversion.S64_FROM_S32, row);
    var index = emit.mad(Ty.S64, wideHead, queries, wideRow);
    var bytes = emit.arith(IntOp.SHL, Ty.B64, index, new IntConst(2));
    Reg to = (Reg) emit.arith(IntOp.ADD, Ty.S64, parameters.pointer(of), bytes);
    for (int r = 0; r < values.length; r++) {
      Reg exists = emit.compare(CompareOp.GT, Ty.S32, left, new IntConst(8L * r));
      emit.add(
          new Inst.Guarded(
              exists,
              false,
              new Inst.St(
                  Space.GLOBAL, MemTy.F32, new Inst.Address(to, 32 * r), List.of(values[r]))));
    }
  }
}
