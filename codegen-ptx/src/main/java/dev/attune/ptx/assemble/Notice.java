package dev.attune.ptx.assemble;

import java.util.Optional;
import java.util.OptionalInt;

/**
 * One thing the assembler said.
 *
 * @param code the assembler's own, such as {@code C7510}
 * @param line of the PTX, from 1
 */
public record Notice(Severity severity, Optional<String> code, OptionalInt line, String message) {

  /** How much a notice matters to the assembler. */
  public enum Severity {
    INFO,
    WARNING,
    ERROR
  }

  /**
   * Whether the assembler inserted waits or serialised asynchronous instructions, so that the
   * kernel is right but slower than written (codes C7505 to C7519 of ptxas).
   */
  public boolean serializes() {
    return code.filter(c -> c.startsWith("C75")).isPresent();
  }

  @Override
  public String toString() {
    return (line.isPresent() ? "line " + line.getAsInt() + ": " : "")
        + code.map(c -> "(" + c + ") ").orElse("")
        + message;
  }
}
