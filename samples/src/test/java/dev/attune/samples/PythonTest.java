package dev.attune.samples;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

/** Runs the tests of the Python sample where there is a Python that it runs on. */
final class PythonTest {
  private record Outcome(int status, String output) {}

  private static Outcome python(String... arguments) throws IOException, InterruptedException {
    ProcessBuilder builder = new ProcessBuilder("python3", "-B");
    builder.command().addAll(List.of(arguments));
    builder.directory(Path.of("python").toAbsolutePath().toFile()).redirectErrorStream(true);
    Process process = builder.start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    return new Outcome(process.waitFor(), output);
  }

  private static boolean found() throws InterruptedException {
    try {
      return python("-c", "import sys; sys.exit(sys.version_info < (3, 10))").status() == 0;
    } catch (IOException e) {
      return false;
    }
  }

  @Test
  void theSampleGivesTheDriverWhatAManifestSays() throws IOException, InterruptedException {
    Assumptions.assumeTrue(found(), "no python3 of version 3.10 or later");
    Outcome outcome = python("-m", "unittest", "-q", "test_attune");
    assertEquals(0, outcome.status(), outcome.output());
  }
}
