package dev.attune.ptx.select;

import dev.attune.ptx.Reg;

/** Where a tile-IR value is. */
@SuppressWarnings("ArrayRecordComponent") // Never compared.
public sealed interface Held {

  /**
   * f32 elements in the accumulators of m16n8: register {@code e} of block (m, n) holds, in a lane,
   * row {@code 16m + 8(e/2) + lane/4} and column {@code 8n + 2(lane%4) + e%2} of the warp's rows
   * (PTX ISA, "Matrix Fragments for mma.m16n8k16").
   */
  record Accumulators(Reg[][][] regs) implements Held {}

  /**
   * 16-bit elements as left operands of m16n8k16: register {@code e} of block (m, k) holds row
   * {@code 16m + 8(e%2) + lane/4} and columns {@code 16k + 8(e/2) + 2(lane%4)} and the next.
   */
  record LeftOperands(Reg[][][] regs) implements Held {}

  /** One f32 for each of a lane's rows: index {@code 2m + half}. */
  record Rows(Reg[] regs) implements Held {}

  /** A uniform int. */
  record Int(Reg reg) implements Held {}

  /** A tile in shared memory: this lane's address for {@code ldmatrix}. */
  record Shared(Reg address) implements Held {}

  /** A tile in shared memory: its matrix descriptor for {@code wgmma}, 64 bits. */
  record Matrix(Reg descriptor) implements Held {}
}
