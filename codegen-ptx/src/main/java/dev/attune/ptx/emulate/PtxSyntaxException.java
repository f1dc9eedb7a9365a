package dev.attune.ptx.emulate;

/** PTX text that the emulator cannot read: a syntax error, or a form that it does not model. */
public final class PtxSyntaxException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final int line;

  PtxSyntaxException(int line, String message) {
    super("PTX line " + line + ": " + message);
    this.line = line;
  }

  @Override
  public String getMessage() {
    return String.valueOf(super.getMessage());
  }

  /** The one-based line of the PTX text. */
  public int line() {
    return line;
  }
}
