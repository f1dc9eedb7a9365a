package dev.attune.compiler.check;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.attune.compiler.check.Examples.Example;
import dev.attune.dsl.diagnostic.Code;
import dev.attune.dsl.diagnostic.Diagnostic;
import dev.attune.dsl.diagnostic.Rendering;
import dev.attune.dsl.diagnostic.Source;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Holds the examples of the documentation to the compiler. */
final class DocumentationTest {
  private static final ImportResolver LIBRARY =
      (importing, name) ->
          name.equals("masks")
              ? Optional.of(
                  new Source("masks.attn", "let strictly_causal = kv < q\nconst BLOCK = 64\n"))
              : Optional.empty();

  private static Checked check(Example example) {
    return Frontend.load(new Source("example.attn", example.text()), LIBRARY);
  }

  private static List<String> errors(Checked checked) {
    return checked.diagnostics().stream().map(Rendering::line).toList();
  }

  @Test
  void everyExampleOfTheReferenceIsAccepted() throws IOException {
    List<Example> examples = Examples.of(Files.readString(Path.of("../docs/language.md")));
    assertTrue(examples.size() >= 15, "examples: " + examples.size());
    for (Example example : examples) {
      Checked checked = check(example);
      assertEquals(example.wrong(), !checked.ok(), example.text() + errors(checked));
      if (!example.wrong()) {
        assertEquals(List.of(), errors(checked), example.text());
      }
    }
  }

  @ParameterizedTest
  @EnumSource(Code.class)
  void pagesShowTheMistakeAndItsRemedy(Code code) throws IOException {
    List<Example> examples =
        Examples.of(Files.readString(Path.of("../docs/errors", code.id() + ".md")));
    for (Example example : examples) {
      Checked checked = check(example);
      if (example.wrong()) {
        assertEquals(
            List.of(code),
            checked.diagnostics().stream().map(Diagnostic::code).distinct().toList(),
            example.text() + errors(checked));
      } else {
        assertEquals(List.of(), errors(checked), example.text());
      }
    }
  }
}
