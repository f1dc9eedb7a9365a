package dev.attune.runtime;

import dev.attune.dsl.diagnostic.Diagnostic;
import dev.attune.dsl.diagnostic.Rendering;
import java.util.List;
import java.util.stream.Collectors;

/** Text that does not state one attention; the message is what the command line would print. */
public final class SpecException extends IllegalArgumentException {
  private static final long serialVersionUID = 1L;

  private final transient List<Diagnostic> diagnostics;

  SpecException(List<Diagnostic> diagnostics) {
    super(
        diagnostics.stream()
            .map(d -> Rendering.terminal(d, false))
            .collect(Collectors.joining("\n"))
            .stripTrailing());
    this.diagnostics = List.copyOf(diagnostics);
  }

  SpecException(String message) {
    super(message);
    this.diagnostics = List.of();
  }

  SpecException(String message, Throwable cause) {
    super(message, cause);
    this.diagnostics = List.of();
  }

  /**
   * What is wrong and where; nothing if the text could not be read, or states several attentions.
   */
  public List<Diagnostic> diagnostics() {
    return diagnostics == null ? List.of() : diagnostics;
  }
}
