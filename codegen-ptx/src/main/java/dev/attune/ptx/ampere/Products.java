package dev.attune.ptx.ampere;

import dev.attune.compiler.schedule.Schedule;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.compiler.spec.Operand;
import dev.attune.ptx.Inst;
import dev.attune.ptx.Inst.IntOp;
import dev.attune.ptx.Inst.Ty;
import dev.attune.ptx.Operand.IntConst;
import dev.attune.ptx.Reg;
import dev.attune.ptx.select.Emitter;
import dev.attune.ptx.select.Held;
import java.util.ArrayList;
import java.util.List;

/**
 * The two products of attention as {@code mma.m16n8k16} over {@code ldmatrix} fragments. Lane maps
 * are those of the PTX ISA, "ldmatrix" and "Matrix Fragments for mma.m16n8k16".
 */
final class Products {
  private final Emitter emit;
  private final Dtype dtype;
  private final AmpereLayout layout;
  private final int blocks;
  private final int steps;
  private final int keyBlocks;
  private final int valueBlocks;

  Products(Emitter emit, Dtype dtype, AmpereLayout layout, Schedule.Ampere schedule, HeadDim dim) {
    this.emit = emit;
    this.dtype = dtype;
    this.layout = layout;
    this.blocks = schedule.rowsPerWarp() / 16;
    this.steps = AmpereLayout.productWidth(dim.qk()) / 16;
    this.keyBlocks = schedule.cols() / 8;
    this.valueBlocks = dim.v() / 8;
  }

  /**
   * This lane's address in the first buffer of an operand: of Q and V the row {@code lane % 16} and
   * the chunk {@code lane / 16}; of K the row {@code lane % 8 + 8(lane / 16)} and the chunk {@code
   * lane / 8 % 2}.
   */
  Reg readBase(Threads threads, Operand operand, int offset) {
    Reg lane = threads.lane();
    var low = emit.arith(IntOp.AND, Ty.B32, lane, new IntConst(15));
    var high = emit.arith(IntOp.SHR, Ty.S32, lane, new IntConst(4));
    var row = low;
    var chunk = high;
    int pitch;
    switch (operand) {
      case Q -> {
        row = emit.arith(IntOp.ADD, Ty.S32, threads.firstRow(), low);
        pitch = layout.queryPitch();
      }
      case K -> {
        var inEight = emit.arith(IntOp.AND, Ty.B32, lane, new IntConst(7));
        row = emit.mad(Ty.S32, high, new IntConst(8), inEight);
        var eighth = emit.arith(IntOp.SHR, Ty.S32, lane, new IntConst(3));
        chunk = emit.arith(IntOp.AND, Ty.B32, eighth, new IntConst(1));
        pitch = layout.keyPitch();
      }
      case V -> pitch = layout.valuePitch();
      default -> throw new IllegalStateException("no tile of " + operand);
    }
    var inRow = emit.mad(Ty.S32, chunk, new IntConst(16), threads.shared());
    var address = emit.mad(Ty.S32, row, new IntConst(pitch), inRow);
    return (Reg) emit.arith(IntOp.ADD, Ty.S32, address, new IntConst(offset));
  }

  /** All of the warp's query rows as left operands. */
  Held.LeftOperands query(Reg address) {
    Reg[][][] regs = new Reg[blocks][steps][];
    for (int m = 0; m < blocks; m++) {
      for (int k = 0; k < steps; k++) {
        regs[m][k] = queryBlock(address, m, k);
      }
    }
    return new Held.LeftOperands(regs);
  }

  private Reg[] queryBlock(Reg address, int m, int k) {
    return ldmatrix(false, 4, address, 16 * m * layout.queryPitch() + 32 * k);
  }

  /** {@code into + Q·Kᵀ}, into's registers reused. */
  Reg[][][] scores(Held query, Held.Shared key, Reg[][][] into) {
    for (int k = 0; k < steps; k++) {
      List<Reg[]> a = new ArrayList<>();
      for (int m = 0; m < blocks; m++) {
        a.add(
            switch (query) {
              case Held.LeftOperands q -> q.regs()[m][k];
              case Held.Shared q -> queryBlock(q.address(), m, k);
              default -> throw new IllegalStateException("no left operand: " + query);
            });
      }
      for (int n = 0; n < keyBlocks; n += 2) {
        Reg[] b = ldmatrix(false, 4, key.address(), 8 * n * layout.keyPitch() + 32 * k);
        for (int m = 0; m < blocks; m++) {
          mma(into[m][n], a.get(m), b[0], b[1]);
          mma(into[m][n + 1], a.get(m), b[2], b[3]);
        }
      }
    }
    return into;
  }

  /** {@code into + P·V}, into's registers reused. */
  Reg[][][] output(Held.LeftOperands weights, Held.Shared value, Reg[][][] into) {
    for (int k = 0; k < keyBlocks / 2; k++) {
      for (int n = 0; n < valueBlocks; n += 2) {
        int offset = 16 * k * layout.valuePitch() + 16 * n;
        boolean two = n + 1 < valueBlocks;
        Reg[] b = ldmatrix(true, two ? 4 : 2, value.address(), offset);
        for (int m = 0; m < blocks; m++) {
          mma(into[m][n], weights.regs()[m][k], b[0], b[1]);
          if (two) {
            mma(into[m][n + 1], weights.regs()[m][k], b[2], b[3]);
          }
        }
      }
    }
    return into;
  }

  private void mma(Reg[] acc, Reg[] a, Reg b0, Reg b1) {
    List<Reg> d = List.of(acc);
    emit.add(new Inst.Mma(dtype, d, List.of(a), List.of(b0, b1), d));
  }

  private Reg[] ldmatrix(boolean transpose, int count, Reg base, int offset) {
    Reg[] dst = new Reg[count];
    for (int i = 0; i < count; i++) {
      dst[i] = emit.fresh(Reg.Kind.B32);
    }
    emit.add(new Inst.LdMatrix(transpose, List.of(dst), new Inst.Address(base, offset)));
    return dst;
  }
}
