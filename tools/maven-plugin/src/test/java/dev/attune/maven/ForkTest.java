package dev.attune.maven;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The command in a JVM of its own. */
final class ForkTest {
  @TempDir private Path work;

  private Fork run(String... arguments) throws Exception {
    String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    List<File> classPath =
        Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator, -1))
            .map(File::new)
            .toList();
    return Fork.run(java, classPath, work.resolve("target"), List.of(arguments));
  }

  @Test
  void argumentsArriveAsTheyAreAndNothingIsLeft() throws Exception {
    Path spec = Files.writeString(work.resolve("a \"b\" c\\d.attn"), "attention a { }\n");
    Fork fork = run("check", spec.toString());
    assertEquals(0, fork.code(), fork.lines().toString());
    try (var left = Files.list(work.resolve("target"))) {
      assertEquals(0, left.count());
    }
  }

  @Test
  void aFailureHasItsCodeAndWhatWasSaid() throws Exception {
    Fork fork = run("check", work.resolve("missing.attn").toString());
    assertEquals(1, fork.code());
    assertTrue(fork.lines().get(0).contains("missing.attn"), fork.lines().toString());
  }
}
