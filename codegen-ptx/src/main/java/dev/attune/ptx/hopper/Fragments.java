package dev.attune.ptx.hopper;

import dev.attune.compiler.spec.Operand;
import dev.attune.ptx.Inst;
import dev.attune.ptx.Inst.Address;
import dev.attune.ptx.Inst.IntOp;
import dev.attune.ptx.Inst.Ty;
import dev.attune.ptx.Operand.IntConst;
import dev.attune.ptx.Reg;
import dev.attune.ptx.select.Emitter;
import dev.attune.ptx.select.Held;
import java.util.List;

/**
 * Fragments of a warpgroup's 64 rows, between registers and swizzled slabs: lane l addresses row
 * {@code l % 16} of its warp and the 16-byte chunk {@code l / 16} of each step of 16 columns.
 */
final class Fragments {
  private final Emitter emit;
  private final HopperLayout layout;
  private final Reg row;
  private final Reg chunk;

  /**
   * Where a lane reads and writes.
   *
   * @param lane index in the warp
   * @param warpRow first row of the warp in its item
   */
  Fragments(Emitter emit, HopperLayout layout, Reg lane, Reg warpRow, Reg shared) {
    this.emit = emit;
    this.layout = layout;
    var low = emit.arith(IntOp.AND, Ty.B32, lane, new IntConst(15));
    var inItem = emit.arith(IntOp.ADD, Ty.S32, warpRow, low);
    this.row = (Reg) emit.mad(Ty.S32, inItem, new IntConst(layout.pitch()), shared);
    // Chunk (2k + l/16) xor (row % 8): the step's even part and the lane's part occupy other bits.
    var half = emit.arith(IntOp.SHR, Ty.S32, lane, new IntConst(4));
    var phase =
        layout.wide()
            ? emit.arith(IntOp.AND, Ty.B32, lane, new IntConst(7))
            : emit.arith(
                IntOp.AND,
                Ty.B32,
                emit.arith(IntOp.SHR, Ty.S32, lane, new IntConst(1)),
                new IntConst(3));
    var permuted = emit.arith(IntOp.XOR, Ty.B32, half, phase);
    this.chunk = (Reg) emit.arith(IntOp.SHL, Ty.B32, permuted, new IntConst(4));
  }

  /** Reads {@code steps} steps of the operand's rows. */
  Held.LeftOperands read(Operand operand, int steps) {
    Reg[][][] regs = new Reg[1][steps][4];
    for (int k = 0; k < steps; k++) {
      for (int i = 0; i < 4; i++) {
        regs[0][k][i] = emit.fresh(Reg.Kind.B32);
      }
      emit.add(new Inst.LdMatrix(false, List.of(regs[0][k]), address(operand, k)));
    }
    return new Held.LeftOperands(regs);
  }

  /** Writes the rows of a tile into the operand's buffer. */
  void write(Operand operand, Held.LeftOperands tile) {
    for (int k = 0; k < tile.regs()[0].length; k++) {
      emit.add(new Inst.StMatrix(address(operand, k), List.of(tile.regs()[0][k])));
    }
  }

  private Address address(Operand operand, int k) {
    int steps = layout.slabColumns() / 16;
    var inSlab = emit.arith(IntOp.XOR, Ty.B32, chunk, new IntConst(k % steps * 32L));
    Reg base = (Reg) emit.arith(IntOp.ADD, Ty.S32, row, inSlab);
    return new Address(base, layout.buffer(operand) + k / steps * layout.slab(operand));
  }
}
