package dev.attune.ptx.emulate;

/**
 * A kernel did something that it may not do. The message names what, the CTA, warp and thread, the
 * PTX line with its text, and the tile operation that the instruction belongs to.
 */
public final class EmulationException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  EmulationException(String message) {
    super(message);
  }

  @Override
  public String getMessage() {
    return String.valueOf(super.getMessage());
  }
}
