package dev.attune.dsl.diagnostic;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

final class CodeTest {
  private static final Path PAGES = Path.of("../docs/errors");

  @Test
  void everyCodeHasItsPageAndEveryPageItsCode() throws IOException {
    try (Stream<Path> files = Files.list(PAGES)) {
      assertEquals(
          Arrays.stream(Code.values()).map(c -> c.id() + ".md").sorted().toList(),
          files.map(f -> f.getFileName().toString()).sorted().toList());
    }
  }

  @Test
  void pagesSayWhatToDo() throws IOException {
    for (Code code : Code.values()) {
      String page = Files.readString(PAGES.resolve(code.id() + ".md"));
      assertTrue(page.startsWith("# " + code.id() + ": "), code.id());
      assertTrue(page.contains("## What to do"), code.id());
    }
  }

  @Test
  void idsAreUniqueAndFound() {
    List<String> ids = Arrays.stream(Code.values()).map(Code::id).toList();
    assertEquals(ids.size(), ids.stream().distinct().count());
    assertEquals(Optional.of(Code.UNKNOWN_NAME), Code.of("ATTN020"));
    assertEquals(Optional.empty(), Code.of("ATTN999"));
  }

  @Test
  void nearestFindsTyposAndNothingFarOff() {
    List<String> names = List.of("causal", "scale", "score", "Skv", "q");
    assertEquals(Optional.of("causal"), Nearest.to("causl", names));
    assertEquals(Optional.of("causal"), Nearest.to("casual", names));
    assertEquals(Optional.of("scale"), Nearest.to("Scale", names));
    assertEquals(Optional.of("Skv"), Nearest.to("skv", names));
    assertEquals(Optional.empty(), Nearest.to("window", names));
  }
}
