package dev.attune.compiler.tile;

/** A tile kernel breaks a rule of {@link TileVerifier}: a defect of the lowering or of a pass. */
public final class InvalidTileKernelException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /**
   * @param where the operation as {@link TilePrinter} prints it, or the kernel's name
   * @param rule what does not hold
   */
  public InvalidTileKernelException(String where, String rule) {
    super(where + ": " + rule);
  }

  /** Throws where a rule does not hold of an operation. */
  static void require(Op op, boolean holds, String rule) {
    if (!holds) {
      throw new InvalidTileKernelException(TilePrinter.print(op), rule);
    }
  }
}
