package dev.attune.ptx.ampere;

import dev.attune.compiler.spec.CompareOp;
import dev.attune.compiler.tile.Channel;
import dev.attune.ptx.Inst;
import dev.attune.ptx.Inst.IntOp;
import dev.attune.ptx.Inst.Ty;
import dev.attune.ptx.Operand;
import dev.attune.ptx.Operand.IntConst;
import dev.attune.ptx.Reg;
import dev.attune.ptx.select.Emitter;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * One channel's copies from global to shared memory: the threads of a CTA share the 16-byte chunks
 * of a tile, a power of two of neighbouring threads to a row.
 */
final class Copies {
  private final Emitter emit;
  private final Channel channel;
  private final Geometry geometry;
  private final Reg rowInTile;
  private final Reg source;
  private final Reg rowStride;
  private final Reg stepBytes;
  private final Operand extent;
  private final @Nullable Reg active;
  private final Operand chunkBytes;
  private final Reg target;
  private final @Nullable Reg writeOffset;

  /**
   * Sizes of a channel's tiles.
   *
   * @param pitch bytes from row to row in shared memory
   * @param width columns in shared memory; those past the operand's are zeros
   * @param columns columns of the operand
   * @param offset of the ring in shared memory
   * @param stage bytes of one tile
   */
  record Geometry(int pitch, int width, int columns, int offset, int stage) {}

  /**
   * Computes what stays the same for all tiles.
   *
   * @param base address of row 0 of the operand for this CTA's batch element and head
   * @param rowStride elements from row to row
   * @param extent rows of the operand
   */
  Copies(
      Emitter emit,
      Threads threads,
      int count,
      Channel channel,
      Geometry geometry,
      Operand base,
      Reg rowStride,
      Operand extent) {
    this.emit = emit;
    this.channel = channel;
    this.geometry = geometry;
    this.extent = extent;
    int chunks = geometry.width() / 8;
    int lanes = Integer.highestOneBit(2 * chunks - 1);
    this.rowsPerStep = count / lanes;
    int shift = Integer.numberOfTrailingZeros(lanes);
    this.rowInTile = (Reg) emit.arith(IntOp.SHR, Ty.S32, threads.tid(), new IntConst(shift));
    Operand chunk = emit.arith(IntOp.AND, Ty.B32, threads.tid(), new IntConst(lanes - 1));
    this.active = active(chunk, chunks, lanes);
    this.chunkBytes = chunkBytes(chunk, chunks);
    Operand inRow = emit.arith(IntOp.SHL, Ty.B32, chunk, new IntConst(4));
    // Zero-filled chunks read nothing, but their address stays inside the row.
    Operand inSource =
        geometry.columns() < geometry.width()
            ? emit.arith(IntOp.MIN, Ty.S32, inRow, new IntConst(2L * (geometry.columns() - 8)))
            : inRow;
    this.rowStride = (Reg) emit.arith(IntOp.SHL, Ty.B64, rowStride, new IntConst(1));
    Operand wideRow = emit.convert(Inst.Conversion.S64_FROM_S32, rowInTile);
    Operand rowStart = emit.mad(Ty.S64, wideRow, this.rowStride, base);
    this.source = emit.madWide(inSource, new IntConst(1), rowStart);
    this.stepBytes = (Reg) emit.arith(IntOp.MUL, Ty.S64, this.rowStride, new IntConst(rowsPerStep));
    Operand inTile = emit.mad(Ty.S32, rowInTile, new IntConst(geometry.pitch()), inRow);
    Operand tile = emit.arith(IntOp.ADD, Ty.S32, threads.shared(), inTile);
    this.target = (Reg) emit.arith(IntOp.ADD, Ty.S32, tile, new IntConst(geometry.offset()));
    if (channel.stages() > 1) {
      this.writeOffset = emit.fresh(Reg.Kind.B32);
      emit.add(new Inst.Mov(writeOffset, new IntConst(0)));
    } else {
      this.writeOffset = null;
    }
  }

  private final int rowsPerStep;

  private @Nullable Reg active(Operand chunk, int chunks, int lanes) {
    Reg inRow =
        chunks < lanes ? emit.compare(CompareOp.LT, Ty.S32, chunk, new IntConst(chunks)) : null;
    Reg inTile =
        rowsPerStep > channel.type().rows()
            ? emit.compare(CompareOp.LT, Ty.S32, rowInTile, new IntConst(channel.type().rows()))
            : null;
    if (inRow == null || inTile == null) {
      return inRow == null ? inTile : inRow;
    }
    return emit.logic(Inst.PredOp.AND, inRow, inTile);
  }

  private Operand chunkBytes(Operand chunk, int chunks) {
    int real = geometry.columns() / 8;
    if (real == chunks) {
      return new IntConst(16);
    }
    Reg inside = emit.compare(CompareOp.LT, Ty.S32, chunk, new IntConst(real));
    return emit.select(Reg.Kind.B32, inside, new IntConst(16), new IntConst(0));
  }

  /**
   * Starts the copies of tile {@code index + ahead} into the next buffer of the ring, unless the
   * tile is at or past {@code end}, and commits them as one group.
   */
  void put(Reg index, int ahead, Optional<Reg> end) {
    String skip = emit.label("put_" + channel.name().toLowerCase(java.util.Locale.ROOT));
    String tail = skip + "_tail";
    emit.scope(
        () -> {
          Operand tile = emit.arith(IntOp.ADD, Ty.S32, index, new IntConst(ahead));
          end.ifPresent(e -> branch(emit.compare(CompareOp.GE, Ty.S32, tile, e), skip));
          int rows = channel.type().rows();
          Operand firstRow = emit.arith(IntOp.MUL, Ty.S32, tile, new IntConst(rows));
          Operand wideRow = emit.convert(Inst.Conversion.S64_FROM_S32, firstRow);
          Reg from = (Reg) emit.mad(Ty.S64, wideRow, rowStride, source);
          Reg to =
              writeOffset == null
                  ? target
                  : (Reg) emit.arith(IntOp.ADD, Ty.S32, target, writeOffset);
          Operand pastTile = emit.arith(IntOp.ADD, Ty.S32, firstRow, new IntConst(rows));
          branch(emit.compare(CompareOp.GT, Ty.S32, pastTile, extent), tail);
          emit.scope(() -> copies(from, to, List.of()));
          emit.add(new Inst.Bra(skip, true));
          emit.add(new Inst.Label(tail));
          Operand row = emit.arith(IntOp.ADD, Ty.S32, firstRow, rowInTile);
          Operand left = emit.arith(IntOp.SUB, Ty.S32, extent, row);
          List<Operand> bytes = new ArrayList<>();
          for (int step = 0; step * rowsPerStep < rows; step++) {
            Reg inside =
                emit.compare(CompareOp.GT, Ty.S32, left, new IntConst((long) step * rowsPerStep));
            bytes.add(emit.select(Reg.Kind.B32, inside, chunkBytes, new IntConst(0)));
          }
          emit.scope(() -> copies(from, to, bytes));
          emit.add(new Inst.Label(skip));
        });
    emit.add(new Inst.CpAsyncCommit());
    if (writeOffset != null) {
      advance(emit, writeOffset, geometry.stage(), channel.stages());
    }
  }

  /** Moves an offset to the next buffer of a ring. */
  static void advance(Emitter emit, Reg offset, int stage, int stages) {
    emit.add(new Inst.Arith(IntOp.ADD, Ty.S32, offset, offset, new IntConst(stage)));
    Reg wraps = emit.fresh(Reg.Kind.PRED);
    emit.add(
        new Inst.SetP(CompareOp.EQ, Ty.S32, wraps, offset, new IntConst((long) stage * stages)));
    emit.add(new Inst.SelP(offset, new IntConst(0), offset, wraps));
  }

  private void branch(Reg predicate, String label) {
    emit.add(new Inst.Guarded(predicate, false, new Inst.Bra(label, true)));
  }

  /** {@code bytes} holds the bytes to read at each step; empty where all are read. */
  private void copies(Reg from, Reg to, List<Operand> bytes) {
    Reg at = from;
    for (int step = 0; step * rowsPerStep < channel.type().rows(); step++) {
      if (step > 0) {
        at = (Reg) emit.arith(IntOp.ADD, Ty.S64, at, stepBytes);
      }
      Optional<Operand> valid =
          !bytes.isEmpty()
              ? Optional.of(bytes.get(step))
              : chunkBytes instanceof IntConst ? Optional.empty() : Optional.of(chunkBytes);
      Inst copy =
          new Inst.CpAsync(
              new Inst.Address(to, step * rowsPerStep * geometry.pitch()),
              new Inst.Address(at, 0),
              valid);
      emit.add(active == null ? copy : new Inst.Guarded(active, false, copy));
    }
  }
}
