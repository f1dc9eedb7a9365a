package dev.attune.dsl.syntax;

import dev.attune.dsl.diagnostic.Diagnostic;
import java.util.List;

/**
 * What could be read of a file.
 *
 * @param module the whole file; declarations with syntax errors are {@link Item.Broken}
 * @param diagnostics in the order of the text
 */
public record ParseResult(Module module, List<Diagnostic> diagnostics) {
  public ParseResult {
    diagnostics = List.copyOf(diagnostics);
  }

  /** Whether the file has no error. */
  public boolean ok() {
    return diagnostics.stream().noneMatch(Diagnostic::isError);
  }
}
