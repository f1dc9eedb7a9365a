package dev.attune.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.attune.specs.SpecLibrary;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The same spec gives the same bytes in every JVM. */
final class DeterminismTest {

  @Test
  @Timeout(value = 120, unit = TimeUnit.SECONDS)
  void twoJvmsOfDifferentHabitsAgree() throws Exception {
    List<String> names = SpecLibrary.basics();
    List<String> plain = hashes(List.of("-XX:hashCode=0"), names);
    List<String> turkish =
        hashes(
            List.of(
                "-Duser.language=tr",
                "-Duser.country=TR",
                "-Duser.timezone=Asia/Kolkata",
                "-Dfile.encoding=ISO-8859-9",
                "-XX:+UnlockExperimentalVMOptions",
                "-XX:hashCode=2",
                "-Xint"),
            names.reversed());
    assertEquals(names.size(), plain.size());
    assertEquals(plain.stream().sorted().toList(), turkish.stream().sorted().toList());
  }

  private static List<String> hashes(List<String> options, List<String> names) throws Exception {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.add("-XX:+UnlockExperimentalVMOptions");
    command.addAll(options);
    command.addAll(List.of("-cp", System.getProperty("java.class.path")));
    command.add(Kernels.class.getName());
    command.addAll(names);
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    try {
      String output = read(process);
      assertEquals(0, process.waitFor(), output);
      return output.lines().toList();
    } finally {
      process.destroyForcibly();
    }
  }

  private static String read(Process process) throws IOException {
    return new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
  }
}
