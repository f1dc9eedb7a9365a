package dev.attune.ptx.hopper;

import dev.attune.compiler.schedule.Schedule;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.compiler.spec.Operand;

/**
 * Where the tiles of a CTA lie in shared memory. A tile is a row of slabs, each 64 columns wide:
 * rows of 128 bytes whose 16-byte chunks are permuted by TMA's 128-byte swizzle (chunk index xor
 * row mod 8), so that eight neighbouring rows are one atom of 1024 bytes (PTX ISA, "Shared Memory
 * Matrix Layout"). Where slabs of 32 columns leave fewer empty, they are taken: rows of 64 bytes
 * under the 64-byte swizzle (chunk index xor half the row mod 4), eight of which are 512 bytes.
 * Beyond {@value #FEW} columns their many loads cost more than the empty columns.
 *
 * @param rows query rows of an item
 * @param cols keys of a kv tile
 * @param stages stages of K and of V
 * @param slabColumns columns of a slab
 * @param keySlabs slabs of a row of Q or K
 * @param valueSlabs slabs of a row of V or O
 * @param keys offset of the K ring; Q is at 0
 * @param values offset of the V ring
 * @param output offset of O's buffer
 * @param barriers offset of the mbarriers
 * @param slot offset of the work item that is handed over with Q: query tile, head, batch, whether
 *     there is one
 * @param bytes in all
 */
record HopperLayout(
    int rows,
    int cols,
    int stages,
    int slabColumns,
    int keySlabs,
    int valueSlabs,
    int keys,
    int values,
    int output,
    int barriers,
    int slot,
    int bytes) {

  private static final int WIDE = 64;
  private static final int NARROW = 32;
  private static final int FEW = 128;

  /** Query rows of a warpgroup. */
  static final int GROUP_ROWS = 64;

  private static final int BARRIER = 8;

  /** Bytes of an int. */
  static final int WORD = 4;

  private static final int WORDS = 4 * WORD;

  /** The layout for dense batches. */
  static HopperLayout of(HeadDim dim, Schedule.Hopper schedule) {
    return of(dim, schedule, false);
  }

  /**
   * The layout of a kernel.
   *
   * @param sequences whether items have sequences of their own lengths
   */
  static HopperLayout of(HeadDim dim, Schedule.Hopper schedule, boolean sequences) {
    int slabColumns = slabColumns(dim);
    int keySlabs = Math.ceilDiv(dim.qk(), slabColumns);
    int valueSlabs = Math.ceilDiv(dim.v(), slabColumns);
    int row = schedule.rows() * pitch(slabColumns);
    int tile = schedule.cols() * pitch(slabColumns);
    boolean overQuery = schedule.output() == Schedule.Hopper.Output.QUERY;
    int query = row * (overQuery ? Math.max(keySlabs, valueSlabs) : keySlabs);
    int values = query + schedule.stages() * tile * keySlabs;
    int output = values + schedule.stages() * tile * valueSlabs;
    boolean own = schedule.output() == Schedule.Hopper.Output.OWN;
    int barriers = output + (own ? row * valueSlabs : 0);
    int count = 2 + 4 * schedule.stages();
    int slot = (barriers + count * BARRIER + WORDS - 1) / WORDS * WORDS;
    return new HopperLayout(
        schedule.rows(),
        schedule.cols(),
        schedule.stages(),
        slabColumns,
        keySlabs,
        valueSlabs,
        query,
        values,
        overQuery ? 0 : output,
        barriers,
        slot,
        slot + (sequences ? 3 : 2) * WORDS + tileBytes(schedule.stages()));
  }

  private static int slabColumns(HeadDim dim) {
    boolean few = Math.max(dim.qk(), dim.v()) <= FEW;
    return few && columns(dim, NARROW) < columns(dim, WIDE) ? NARROW : WIDE;
  }

  /** Columns of a row of K and of V in slabs, empty ones included. */
  private static int columns(HeadDim dim, int slab) {
    return (Math.ceilDiv(dim.qk(), slab) + Math.ceilDiv(dim.v(), slab)) * slab;
  }

  private static int pitch(int slabColumns) {
    return 2 * slabColumns;
  }

  /** Bytes of a row of a slab. */
  int pitch() {
    return pitch(slabColumns);
  }

  /** Whether slabs have 64 columns. */
  boolean wide() {
    return slabColumns == WIDE;
  }

  /** Offset of an operand's first buffer. */
  int buffer(Operand operand) {
    return switch (operand) {
      case Q -> 0;
      case K -> keys;
      case V -> values;
      case O -> output;
      case LSE, MAX_SCORE -> throw new IllegalStateException("no tile of " + operand);
    };
  }

  /** Rows of an operand's buffer. */
  int rows(Operand operand) {
    return switch (operand) {
      case Q, O -> rows;
      case K, V -> cols;
      case LSE, MAX_SCORE -> throw new IllegalStateException("no tile of " + operand);
    };
  }

  /** Slabs of an operand's buffer. */
  int slabs(Operand operand) {
    return switch (operand) {
      case Q, K -> keySlabs;
      case V, O -> valueSlabs;
      case LSE, MAX_SCORE -> throw new IllegalStateException("no tile of " + operand);
    };
  }

  /** Bytes of one slab of an operand's buffer. */
  int slab(Operand operand) {
    return rows(operand) * pitch();
  }

  /** Bytes of one buffer of an operand: what a load of a tile delivers, zeros included. */
  int tile(Operand operand) {
    return slabs(operand) * slab(operand);
  }

  /** Buffers of an operand. */
  int stages(Operand operand) {
    return operand == Operand.Q ? 1 : stages;
  }

  /** Offset of the barrier that says a buffer is full, of the operand's first buffer. */
  int full(Operand operand) {
    return barriers
        + BARRIER
            * switch (operand) {
              case Q -> 0;
              case K -> 2;
              case V -> 2 + 2 * stages;
              case O, LSE, MAX_SCORE -> throw new IllegalStateException("no ring of " + operand);
            };
  }

  /** Offset of the barrier that says a buffer is free. */
  int empty(Operand operand) {
    return full(operand) + BARRIER * stages(operand);
  }

  /**
   * Offset of what else the consumers are told: how many kv tiles pass their test, and are full.
   */
  int counts() {
    return slot + WORDS;
  }

  /**
   * Offset of what they are told of a sequence that has its own lengths: how many queries and keys
   * it has, and the token of Q at which it begins, or the residue class, if there is no other way
   * to know.
   */
  int sequence() {
    return slot + 2 * WORDS;
  }

  /**
   * Offset of the kv tile that is handed over with the first buffer of K, where tiles are tested.
   */
  int tiles() {
    return bytes - tileBytes(stages);
  }

  private static int tileBytes(int stages) {
    return Math.ceilDiv(stages * WORD, WORDS) * WORDS;
  }
}
