package dev.attune.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CompletionCommandTest {
  @TempDir Path directory;

  @Test
  void bashCompletesCommandsAndOptions() throws Exception {
    Attune printed = Attune.run("completion");
    assertEquals(0, printed.code());
    Path script = Files.writeString(directory.resolve("completion"), printed.out());
    assertTrue(completed(script, "attune expl").contains("explain"));
    assertTrue(completed(script, "attune compile --tar").contains("--target"));
  }

  /** What bash offers for the last word of a line. */
  private static String completed(Path script, String line) throws IOException {
    String program =
        """
        source "$0"
        COMP_WORDS=(%s)
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        _complete_attune
        echo "${COMPREPLY[@]}"
        """
            .formatted(line);
    Process bash =
        new ProcessBuilder("bash", "-c", program, script.toString())
            .redirectErrorStream(true)
            .start();
    return new String(bash.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
  }
}
