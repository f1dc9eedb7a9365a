package dev.attune.maven;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Which of several JDKs compiles specs. */
final class Jdk25Test {
  @TempDir private Path work;

  private Path jdk(String version) throws IOException {
    Path home = work.resolve("jdk " + version);
    Path java = Files.createDirectories(home.resolve("bin")).resolve("java");
    assertTrue(Files.createFile(java).toFile().setExecutable(true));
    Files.writeString(home.resolve("release"), "JAVA_VERSION=\"" + version + "\"\n");
    return home;
  }

  @Test
  void theFirstThatIsRecentEnough() throws IOException {
    Path old = jdk("17.0.15");
    Path first = jdk("25");
    Path second = jdk("26.0.1");
    assertEquals(
        Optional.of(first.resolve("bin/java").toString()),
        Jdk25.find(List.of(), List.of(old, first, second)));
    assertEquals(
        Optional.of(second.resolve("bin/java").toString()),
        Jdk25.find(List.of(second.resolve("bin/java").toString()), List.of(first)),
        "a toolchain goes before a home");
  }

  @Test
  void aLinkIsFollowed() throws IOException {
    Path link = Files.createSymbolicLink(work.resolve("java"), jdk("25.0.1").resolve("bin/java"));
    assertEquals(Optional.of(link.toString()), Jdk25.find(List.of(link.toString()), List.of()));
  }

  @Test
  void whatIsNoJdkIsPassedOver() throws IOException {
    Path damaged = jdk("25.0.2");
    Files.writeString(damaged.resolve("release"), "JAVA_VERSION=\"early\"\n");
    Path bare = jdk("25.0.3");
    Files.delete(bare.resolve("release"));
    List<Path> homes = List.of(damaged, bare, jdk("24"), work.resolve("missing"));
    assertEquals(Optional.empty(), Jdk25.find(List.of(), homes));
  }
}
