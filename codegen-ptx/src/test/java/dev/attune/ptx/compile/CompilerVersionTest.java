package dev.attune.ptx.compile;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CompilerVersionTest {
  @TempDir Path directory;

  private Path folder(Map<String, String> files) throws IOException {
    Path folder = Files.createTempDirectory(directory, "classes");
    for (var file : files.entrySet()) {
      Path path = folder.resolve(file.getKey());
      Files.createDirectories(path.getParent());
      Files.writeString(path, file.getValue());
      Files.setLastModifiedTime(path, FileTime.fromMillis(1000L * path.hashCode()));
    }
    return folder;
  }

  private Path jar(Map<String, String> files) throws IOException {
    Path jar = Files.createTempFile(directory, "classes", ".jar");
    try (OutputStream out = Files.newOutputStream(jar);
        ZipOutputStream zip = new ZipOutputStream(out)) {
      zip.putNextEntry(new ZipEntry("a/"));
      for (var file : files.entrySet()) {
        zip.putNextEntry(new ZipEntry(file.getKey()));
        zip.write(file.getValue().getBytes(StandardCharsets.UTF_8));
      }
    }
    return jar;
  }

  @Test
  void contentsAreTheSameHoweverTheyAreStored() throws IOException {
    Map<String, String> files = Map.of("a/B.class", "one", "a/table.json", "two");
    Map<String, String> contents = CompilerVersion.contents(folder(files));
    assertEquals(2, contents.size());
    assertEquals(contents, CompilerVersion.contents(folder(files)));
    assertEquals(contents, CompilerVersion.contents(jar(files)));
    for (Map<String, String> other :
        List.of(
            Map.of("a/B.class", "one"),
            Map.of("a/B.class", "One", "a/table.json", "two"),
            Map.of("a/C.class", "one", "a/table.json", "two"))) {
      assertNotEquals(contents, CompilerVersion.contents(folder(other)));
      assertNotEquals(contents, CompilerVersion.contents(jar(other)));
    }
  }

  @Test
  void theIdentityIsOfTheCode() {
    assertTrue(CompilerVersion.id().matches("[0-9a-f]{64}"));
    assertNotEquals(CompilerVersion.id(), CompilerVersion.of(CompilerVersion.class));
    assertEquals(CompilerVersion.of(Test.class), CompilerVersion.of(Test.class));
    // Classes of the JDK have no place that could be looked at.
    String unknown = CompilerVersion.of(String.class);
    assertTrue(unknown.matches("[0-9a-f]{64}"));
    assertNotEquals(unknown, CompilerVersion.of(String.class));
  }
}
