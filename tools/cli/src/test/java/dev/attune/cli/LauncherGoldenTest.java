package dev.attune.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Two launchers as they are generated. They are Java files of this project, so its check of the
 * format, with google-java-format, is also one of what is generated.
 */
final class LauncherGoldenTest {
  private static final Path GOLDEN = Path.of("src/test/resources/golden");

  private static final String HELP =
      "if the change is meant, rewrite the golden files with -DtestArgs=-Dattune.bless=true and"
          + " read the difference";

  private static final String EVERYTHING =
      """
      // All that a launcher can have.
      //
      // Remarks are filled: those that are longer than what fits into a line of a hundred columns are broken.
      attention everything_at_once {
        head_dim 16
        param first_frame : bool = false // whether all see the first frame, as well as the frames near theirs
        param reach : float = 1.5 where reach > 0.0
        // Of each head.
        tensor slopes : float[Hq]
        tensor document_of_each : int[(Sq + 1) // 2 + Sq] where nondecreasing and in 0..65535
        output max_score

        score = score * scale - reach * slopes[h]
        mask = causal and (first_frame or document_of_each[q] == 0)
      }
      """;

  @TempDir private Path work;

  @Test
  void gemma2() throws IOException {
    stays("gemma2_local", Files.readString(Path.of("../../specs/src/main/attn/gemma2_local.attn")));
  }

  @Test
  void everything() throws IOException {
    stays("everything_at_once", EVERYTHING);
  }

  private void stays(String spec, String text) throws IOException {
    Path sources = Files.createDirectories(work.resolve("attn"));
    Files.writeString(sources.resolve(spec + ".attn"), text);
    Path java = work.resolve("java");
    Attune run =
        Attune.run(
            "generate",
            sources.toString(),
            "--java=" + java,
            "--resources=" + work.resolve("resources"),
            "--state=" + work.resolve("state"),
            "--package=org.example",
            "--head-dim=64",
            "--target=sm_80");
    assertEquals(0, run.code(), run.out() + run.err());
    Path made;
    try (var files = Files.list(java.resolve("org/example"))) {
      made = files.findFirst().orElseThrow();
    }
    String source = Files.readString(made);
    source.lines().forEach(line -> assertTrue(line.length() <= 100, line));
    Path file = GOLDEN.resolve(made.getFileName().toString());
    if (Boolean.getBoolean("attune.bless")) {
      Files.createDirectories(GOLDEN);
      Files.writeString(file, source);
    }
    assertTrue(Files.exists(file), () -> file + " is missing: " + HELP);
    assertEquals(Files.readString(file), source, () -> file + " differs: " + HELP);
  }
}
