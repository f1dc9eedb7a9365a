package dev.attune.specs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.attune.compiler.check.Checked;
import dev.attune.compiler.check.Frontend;
import dev.attune.compiler.check.ImportResolver;
import dev.attune.dsl.diagnostic.Source;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

final class SpecLibraryTest {
  static List<String> names() {
    return SpecLibrary.names();
  }

  @Test
  void everyFileIsListed() throws IOException {
    try (Stream<Path> files = Files.list(Path.of("src/main/attn"))) {
      assertEquals(
          files.map(f -> f.getFileName().toString()).sorted().toList(),
          names().stream().map(n -> n + ".attn").sorted().toList());
    }
    assertEquals(Optional.empty(), SpecLibrary.text("../pom"));
  }

  @ParameterizedTest
  @MethodSource("names")
  void declaresOneAttentionOfItsName(String name) {
    Checked checked =
        Frontend.load(
            new Source(name + ".attn", SpecLibrary.text(name).orElseThrow()),
            ImportResolver.none());
    assertEquals(List.of(), checked.diagnostics());
    assertEquals(List.of(name), checked.specs().stream().map(s -> s.name()).toList());
  }

  @ParameterizedTest
  @MethodSource("names")
  void hasAHeaderWithItsSource(String name) {
    String text = SpecLibrary.text(name).orElseThrow();
    String summary = SpecLibrary.summary(name).orElseThrow();
    assertTrue(summary.length() > 20 && summary.length() < 120, summary);
    assertTrue(Character.isUpperCase(summary.charAt(0)) || summary.startsWith("gpt"), summary);
    assertTrue(text.contains("// Source: "), name);
  }
}
