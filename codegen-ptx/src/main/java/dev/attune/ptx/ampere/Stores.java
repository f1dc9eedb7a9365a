package dev.attune.ptx.ampere;

import dev.attune.compiler.schedule.Schedule;
import dev.attune.compiler.spec.CompareOp;
import dev.attune.compiler.spec.Operand;
import dev.attune.compiler.tile.TileKernel;
import dev.attune.ptx.Inst;
import dev.attune.ptx.Inst.IntOp;
import dev.attune.ptx.Inst.MemTy;
import dev.attune.ptx.Inst.Space;
import dev.attune.ptx.Inst.Ty;
import dev.attune.ptx.Operand.IntConst;
import dev.attune.ptx.Reg;
import dev.attune.ptx.artifact.Parameter.Axis;
import dev.attune.ptx.select.Emitter;
import dev.attune.ptx.select.Held;
import dev.attune.ptx.select.KernelParameters;
import dev.attune.ptx.select.LaneRows;
import dev.attune.ptx.select.RowStore;
import dev.attune.ptx.select.Sequence;
import java.util.List;

/**
 * Results on their way out. O passes through shared memory, in the place of the Q rows of its own
 * warp, which nobody else reads, and leaves in 16-byte chunks.
 */
final class Stores {
  private final Emitter emit;
  private final TileKernel kernel;
  private final Schedule.Ampere schedule;
  private final AmpereLayout layout;
  private final Threads threads;
  private final KernelParameters parameters;
  private final Sequence in;
  private final Reg head;
  private final Reg firstRow;

  Stores(
      Emitter emit,
      TileKernel kernel,
      Schedule.Ampere schedule,
      AmpereLayout layout,
      Threads threads,
      KernelParameters parameters,
      Sequence in,
      Reg head,
      Reg firstRow) {
    this.emit = emit;
    this.kernel = kernel;
    this.schedule = schedule;
    this.layout = layout;
    this.threads = threads;
    this.parameters = parameters;
    this.in = in;
    this.head = head;
    this.firstRow = firstRow;
  }

  /** The CTA's tile of O. */
  void tile(Held.LeftOperands output) {
    emit.add(new Inst.BarWarpSync());
    stage(output);
    emit.add(new Inst.BarWarpSync());
    int chunks = kernel.headDim().v() / 8;
    // As many lanes per row as it has chunks, and no more rows at a time than the warp has.
    int lanes = Math.max(Integer.highestOneBit(2 * chunks - 1), 32 / schedule.rowsPerWarp());
    int rowsPerStep = 32 / lanes;
    int shift = Integer.numberOfTrailingZeros(lanes);
    var laneRow = emit.arith(IntOp.SHR, Ty.S32, threads.lane(), new IntConst(shift));
    var chunk = emit.arith(IntOp.AND, Ty.B32, threads.lane(), new IntConst(lanes - 1));
    var tileRow = emit.arith(IntOp.ADD, Ty.S32, threads.firstRow(), laneRow);
    var inRow = emit.arith(IntOp.SHL, Ty.B32, chunk, new IntConst(4));
    var row = emit.arith(IntOp.ADD, Ty.S32, firstRow, tileRow);
    var left = emit.arith(IntOp.SUB, Ty.S32, in.queries(), row);
    if (chunks < lanes) {
      // Lanes past the last chunk have no rows left.
      Reg inside = emit.compare(CompareOp.LT, Ty.S32, chunk, new IntConst(chunks));
      left = emit.select(Reg.Kind.B32, inside, left, new IntConst(0));
    }
    var staged = emit.mad(Ty.S32, tileRow, new IntConst(layout.queryPitch()), inRow);
    Reg from = (Reg) emit.arith(IntOp.ADD, Ty.S32, threads.shared(), staged);
    Reg rows = parameters.headAddress(emit, Operand.O, in, head);
    var stride =
        emit.arith(IntOp.SHL, Ty.B64, parameters.stride(Operand.O, Axis.SEQ), new IntConst(1));
    var wideRow = emit.convert(Inst.Conversion.S64_FROM_S32, row);
    var start = emit.mad(Ty.S64, wideRow, stride, rows);
    Reg to = emit.madWide(inRow, new IntConst(1), start);
    var step = emit.arith(IntOp.MUL, Ty.S64, stride, new IntConst(rowsPerStep));
    for (int first = 0; first < schedule.rowsPerWarp(); first += rowsPerStep) {
      if (first > 0) {
        to = (Reg) emit.arith(IntOp.ADD, Ty.S64, to, step);
      }
      Reg exists = emit.compare(CompareOp.GT, Ty.S32, left, new IntConst(first));
      List<Reg> data = List.of(b32(), b32(), b32(), b32());
      emit.add(
          new Inst.Guarded(
              exists,
              false,
              new Inst.Ld(
                  Space.SHARED,
                  MemTy.B32,
                  data,
                  new Inst.Address(from, first * layout.queryPitch()))));
      emit.add(
          new Inst.Guarded(
              exists, false, new Inst.St(Space.GLOBAL, MemTy.B32, new Inst.Address(to, 0), data)));
    }
  }

  /** The warp's accumulator blocks, as rows in shared memory. */
  private void stage(Held.LeftOperands output) {
    var row = emit.arith(IntOp.ADD, Ty.S32, threads.firstRow(), threads.row());
    var inRow = emit.arith(IntOp.SHL, Ty.B32, threads.pair(), new IntConst(1));
    var inTile = emit.mad(Ty.S32, row, new IntConst(layout.queryPitch()), inRow);
    Reg base = (Reg) emit.arith(IntOp.ADD, Ty.S32, threads.shared(), inTile);
    Reg[][][] regs = output.regs();
    for (int m = 0; m < regs.length; m++) {
      for (int n = 0; n < kernel.headDim().v() / 8; n++) {
        for (int half = 0; half < 2; half++) {
          int offset = (16 * m + 8 * half) * layout.queryPitch() + 16 * n;
          emit.add(
              new Inst.St(
                  Space.SHARED,
                  MemTy.B32,
                  new Inst.Address(base, offset),
                  List.of(regs[m][n / 2][2 * (n % 2) + half])));
        }
      }
    }
  }

  /** One float per row, at [b, h, row]. */
  void rows(Operand operand, Reg[] values) {
    var warpRow = emit.arith(IntOp.ADD, Ty.S32, threads.firstRow(), threads.row());
    Reg row = (Reg) emit.arith(IntOp.ADD, Ty.S32, firstRow, warpRow);
    LaneRows rows = new LaneRows.OneHead(head, row, values.length);
    new RowStore(emit, parameters).store(operand, values, in, rows, threads.pair());
  }

  private Reg b32() {
    return emit.fresh(Reg.Kind.B32);
  }
}
