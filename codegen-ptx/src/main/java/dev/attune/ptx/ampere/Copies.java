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
import dev.attune.ptx.select.TileTests;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * One channel's copies from global to shared memory: the threads of a CTA share the 16-byte chunks
 * of a tile, a power of two of neighbouring threads to a row.
 */
final class Copies {
  private final Emitter emit;
  private final Channel channel;
  private final int rowsPerStep;
  private final Geometry geometry;
  private final Reg rowInTile;
  private final Reg source;
  private final Reg rowStride;
  private final Operand extent;
  private final @Nullable Reg active;
  private final @Nullable Reg activeLast;
  private final Operand chunkBytes;
  private final Reg target;
  private final Optional<TileTests.Cursor> tiles;

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
   * @param tiles gives the tiles that indices stand for, where tiles are tested
   */
  Copies(
      Emitter emit,
      Threads threads,
      int count,
      Channel channel,
      Geometry geometry,
      Operand base,
      Reg rowStride,
      Operand extent,
      Optional<TileTests.Cursor> tiles) {
    this.emit = emit;
    this.tiles = tiles;
    this.channel = channel;
    this.geometry = geometry;
    this.extent = extent;
    int chunks = geometry.width() / 8;
    int lanes = Integer.highestOneBit(2 * chunks - 1);
    this.rowsPerStep = count / lanes;
    int shift = Integer.numberOfTrailingZeros(lanes);
    this.rowInTile = (Reg) emit.arith(IntOp.SHR, Ty.S32, threads.tid(), new IntConst(shift));
    Operand chunk = emit.arith(IntOp.AND, Ty.B32, threads.tid(), new IntConst(lanes - 1));
    this.active =
        chunks < lanes ? emit.compare(CompareOp.LT, Ty.S32, chunk, new IntConst(chunks)) : null;
    this.activeLast = activeLast();
    this.chunkBytes = chunkBytes(chunk, chunks);
    Operand inRow = emit.arith(IntOp.SHL, Ty.B32, chunk, new IntConst(4));
    // Zero-filled chunks read nothing, but their address stays inside the row.
    Operand inSource =
        geometry.columns() < geometry.width()
            ? emit.arith(IntOp.MIN, Ty.S32, inRow, new IntConst(2L * (geometry.columns() - 8)))
            : inRow;
    this.rowStride = rowStride;
    Operand rowStart = emit.arith(IntOp.ADD, Ty.S64, base, rowBytes(rowInTile));
    this.source = emit.madWide(inSource, new IntConst(1), rowStart);
    Operand inTile = emit.mad(Ty.S32, rowInTile, new IntConst(geometry.pitch()), inRow);
    Operand tile = emit.arith(IntOp.ADD, Ty.S32, threads.shared(), inTile);
    this.target = (Reg) emit.arith(IntOp.ADD, Ty.S32, tile, new IntConst(geometry.offset()));
  }

  /** Distance of a row from row 0 in memory. The stride stays a parameter: a register less. */
  private Operand rowBytes(Operand row) {
    Operand wide = emit.convert(Inst.Conversion.S64_FROM_S32, row);
    Operand elements = emit.arith(IntOp.MUL, Ty.S64, wide, rowStride);
    return emit.arith(IntOp.SHL, Ty.B64, elements, new IntConst(1));
  }

  /** The last step has fewer rows than the others where they do not divide the tile's. */
  private @Nullable Reg activeLast() {
    int rest = channel.type().rows() % rowsPerStep;
    if (rest == 0) {
      return active;
    }
    Reg inTile = emit.compare(CompareOp.LT, Ty.S32, rowInTile, new IntConst(rest));
    return active == null ? inTile : emit.logic(Inst.PredOp.AND, active, inTile);
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
    String skip = emit.label("put_" + channel.name().toLowerCase(Locale.ROOT));
    String tail = skip + "_tail";
    emit.scope(
        () -> {
          Operand tile = emit.arith(IntOp.ADD, Ty.S32, index, new IntConst(ahead));
          end.ifPresent(e -> branch(emit.compare(CompareOp.GE, Ty.S32, tile, e), skip));
          int rows = channel.type().rows();
          Operand place = tiles.<Operand>map(t -> t.next(tile)).orElse(tile);
          Operand firstRow = emit.arith(IntOp.MUL, Ty.S32, place, new IntConst(rows));
          Reg from = (Reg) emit.arith(IntOp.ADD, Ty.S64, source, rowBytes(firstRow));
          Reg to = buffer(emit, target, tile, geometry.stage(), channel.stages());
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
  }

  /**
   * Where tile {@code index} of a channel is: tiles come and go in index order, so buffers are
   * taken in turn. The number of stages is a power of two.
   */
  static Reg buffer(Emitter emit, Reg first, Operand index, int stage, int stages) {
    Operand slot = emit.arith(IntOp.AND, Ty.B32, index, new IntConst(stages - 1));
    return stages == 1 ? first : (Reg) emit.mad(Ty.S32, slot, new IntConst(stage), first);
  }

  private void branch(Reg predicate, String label) {
    emit.add(new Inst.Guarded(predicate, false, new Inst.Bra(label, true)));
  }

  /** {@code bytes} holds the bytes to read at each step; empty where all are read. */
  private void copies(Reg from, Reg to, List<Operand> bytes) {
    int shift = 1 + Integer.numberOfTrailingZeros(rowsPerStep);
    Operand stepBytes = emit.arith(IntOp.SHL, Ty.B64, rowStride, new IntConst(shift));
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
      Reg guard = (step + 1) * rowsPerStep < channel.type().rows() ? active : activeLast;
      emit.add(guard == null ? copy : new Inst.Guarded(guard, false, copy));
    }
  }
}
