package dev.attune.compiler.check;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.attune.dsl.diagnostic.Diagnostic;
import dev.attune.dsl.diagnostic.Source;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Checks the files under {@code cases}. A comment {@code //~ error ATTN020: part of the message}
 * says what is reported on its line; nothing else may be. {@code //~^} speaks of the line above.
 */
final class CasesTest {
  private static final Path CASES = Path.of("src/test/resources/cases");
  private static final Pattern MARKER =
      Pattern.compile("//~(\\^*) (error|warning) (ATTN\\d{3}): (.*?)(?=//~|$)");

  static List<Path> cases() throws IOException {
    try (Stream<Path> files = Files.list(CASES)) {
      return files.filter(f -> f.toString().endsWith(".attn")).sorted().toList();
    }
  }

  /** What a line is said to be reported for. */
  private record Expected(int line, String severity, String code, String part) {
    boolean matches(Diagnostic d) {
      return d.primary().span().line() == line
          && d.severity().word().equals(severity)
          && d.code().id().equals(code)
          && d.message().contains(part);
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void reportsExactlyWhatItsMarkersSay(Path file) throws IOException {
    Source source = Source.decode(file.toString(), Files.readAllBytes(file));
    List<Expected> expected = new ArrayList<>();
    for (int line = 1; line <= source.lines(); line++) {
      Matcher m = MARKER.matcher(source.lineText(line));
      while (m.find()) {
        expected.add(
            new Expected(line - m.group(1).length(), m.group(2), m.group(3), m.group(4).strip()));
      }
    }
    assertFalse(expected.isEmpty(), "a case without a marker: " + file);
    Checked checked = Frontend.load(source, ImportResolver.files());
    List<Expected> missing = new ArrayList<>(expected);
    List<Diagnostic> surplus = new ArrayList<>();
    for (Diagnostic d : checked.diagnostics()) {
      boolean found = false;
      for (int i = 0; i < missing.size() && !found; i++) {
        if (missing.get(i).matches(d)) {
          missing.remove(i);
          found = true;
        }
      }
      if (!found) {
        surplus.add(d);
      }
    }
    assertEquals(
        List.of(),
        Stream.concat(
                missing.stream().map(e -> "not reported: " + e),
                surplus.stream()
                    .map(
                        d ->
                            "not expected: "
                                + d.primary().span()
                                + " "
                                + d.code().id()
                                + ": "
                                + d.message()))
            .toList());
  }
}
