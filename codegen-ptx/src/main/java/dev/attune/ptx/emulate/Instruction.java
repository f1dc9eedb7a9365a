package dev.attune.ptx.emulate;

/**
 * A decoded instruction. Operands are offsets into the register files of a warp: a register's 32
 * lanes lie side by side, and constants are registers whose lanes are equal.
 */
abstract class Instruction {
  final Header header;
  final int guard;
  final boolean guardNegated;
  final int[] reads;
  final int[] writes;

  Instruction(Header header) {
    this.header = header;
    this.guard = header.guard();
    this.guardNegated = header.guardNegated();
    this.reads = header.reads();
    this.writes = header.writes();
  }

  /**
   * Does the work for the lanes in {@code mask}, which is never empty. The warp's program counter
   * already points behind the instruction.
   */
  abstract void execute(Warp warp, int mask);

  /** Whether the instruction must see the lanes that the guard switches off, too. */
  boolean convergent() {
    return false;
  }

  /** Whether the instruction is part of {@code wgmma}, which keeps its own rules for registers. */
  boolean ofWarpgroup() {
    return false;
  }

  /** Copies the lanes in {@code mask} from one register to another. */
  static void blend(int[] file, int from, int to, int mask) {
    for (int left = mask; left != 0; left &= left - 1) {
      int lane = Integer.numberOfTrailingZeros(left);
      file[to + lane] = file[from + lane];
    }
  }

  /** Copies the lanes in {@code mask} from one register to another. */
  static void blend(long[] file, int from, int to, int mask) {
    for (int left = mask; left != 0; left &= left - 1) {
      int lane = Integer.numberOfTrailingZeros(left);
      file[to + lane] = file[from + lane];
    }
  }
}
