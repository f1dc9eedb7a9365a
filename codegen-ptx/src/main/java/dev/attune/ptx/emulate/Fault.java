package dev.attune.ptx.emulate;

/** A violated rule, before the interpreter has added the place to it. Lane −1: the whole warp. */
final class Fault extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final int lane;

  Fault(int lane, String message) {
    super(message, null, false, false);
    this.lane = lane;
  }

  int lane() {
    return lane;
  }

  String what() {
    return String.valueOf(getMessage());
  }
}
