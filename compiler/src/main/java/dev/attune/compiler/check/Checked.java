package dev.attune.compiler.check;

import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.dsl.diagnostic.Diagnostic;
import java.util.List;

/**
 * The outcome of checking one file.
 *
 * @param specs the attentions of the file in its order; none where there is an error
 * @param diagnostics everything found, in the order of the text; of imported files first
 */
public record Checked(List<AttentionSpec> specs, List<Diagnostic> diagnostics) {
  public Checked {
    specs = List.copyOf(specs);
    diagnostics = List.copyOf(diagnostics);
  }

  /** Whether there is no error; warnings do not count. */
  public boolean ok() {
    return diagnostics.stream().noneMatch(Diagnostic::isError);
  }
}
