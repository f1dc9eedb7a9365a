package dev.attune.ptx;

/** A kernel that breaks a rule of {@link PtxVerifier}: a defect of code generation. */
public final class InvalidPtxException extends IllegalStateException {
  private static final long serialVersionUID = 1;

  /** An exception naming the instruction and the rule. */
  public InvalidPtxException(String message) {
    super(message);
  }
}
