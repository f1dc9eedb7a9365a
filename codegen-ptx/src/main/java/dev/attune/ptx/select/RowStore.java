package dev.attune.ptx.select;

import static java.util.Objects.requireNonNull;

import dev.attune.compiler.spec.CompareOp;
import dev.attune.compiler.spec.Operand;
import dev.attune.ptx.Inst;
import dev.attune.ptx.Inst.IntOp;
import dev.attune.ptx.Inst.MemTy;
import dev.attune.ptx.Inst.Space;
import dev.attune.ptx.Inst.Ty;
import dev.attune.ptx.Operand.IntConst;
import dev.attune.ptx.Reg;
import java.util.List;

/** Stores of what a lane holds of its rows. */
public final class RowStore {
  private final Emitter emit;
  private final KernelParameters parameters;

  public RowStore(Emitter emit, KernelParameters parameters) {
    this.emit = emit;
    this.parameters = parameters;
  }

  /**
   * Writes a float for each of a lane's rows that is to be stored, at the head and position of the
   * sequence; the first lane of each quad writes.
   *
   * @param pair 2·(lane % 4)
   */
  public void store(Operand of, Reg[] values, Sequence in, LaneRows rows, Reg pair) {
    for (int r = 0; r < values.length; r++) {
      IntVal left = rows.left(emit, in.queries(), r);
      Reg first = emit.compare(CompareOp.EQ, Ty.S32, pair, new IntConst(0));
      var mine = emit.select(Reg.Kind.B32, first, requireNonNull(left.base()), new IntConst(0));
      IntVal position = rows.position(r);
      // Where neighbours lie side by side, those of one base share what is left to compute.
      boolean apart = in.residue() != null;
      var from = apart ? operand(position) : requireNonNull(position.base());
      var index = parameters.rowIndex(emit, in, rows.head(r), from);
      var bytes = emit.arith(IntOp.SHL, Ty.B64, index, new IntConst(2));
      Reg to = (Reg) emit.arith(IntOp.ADD, Ty.S64, parameters.pointer(of), bytes);
      Reg exists = emit.compare(CompareOp.GT, Ty.S32, mine, new IntConst(-left.offset()));
      Inst.Address at = new Inst.Address(to, apart ? 0 : (int) (4 * position.offset()));
      emit.add(
          new Inst.Guarded(
              exists, false, new Inst.St(Space.GLOBAL, MemTy.F32, at, List.of(values[r]))));
    }
  }

  /**
   * Writes a lane's part of the rows of O that are to be stored.
   *
   * @param columns of O
   * @param pair 2·(lane % 4)
   */
  public void store(Held.LeftOperands output, int columns, Sequence in, LaneRows rows, Reg pair) {
    Reg[][][] regs = output.regs();
    for (int r = 0; r < rows.count(); r++) {
      IntVal left = rows.left(emit, in.queries(), r);
      IntVal position = rows.position(r);
      Reg row = parameters.rowAddress(emit, Operand.O, in, rows.head(r), operand(position));
      Reg to = emit.madWide(pair, new IntConst(2), row);
      Reg exists =
          emit.compare(
              CompareOp.GT, Ty.S32, requireNonNull(left.base()), new IntConst(-left.offset()));
      for (int n = 0; n < columns / 8; n++) {
        Reg value = regs[r / 2][n / 2][2 * (n % 2) + r % 2];
        Inst.Address at = new Inst.Address(to, 16 * n);
        emit.add(
            new Inst.Guarded(
                exists, false, new Inst.St(Space.GLOBAL, MemTy.B32, at, List.of(value))));
      }
    }
  }

  private dev.attune.ptx.Operand operand(IntVal v) {
    return emit.arith(IntOp.ADD, Ty.S32, requireNonNull(v.base()), v.offsetOperand());
  }
}
