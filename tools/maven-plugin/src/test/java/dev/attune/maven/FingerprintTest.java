package dev.attune.maven;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What makes a build anew: contents and names, not times. */
final class FingerprintTest {
  @TempDir private Path work;
  private Path folder;

  @BeforeEach
  void folder() throws IOException {
    folder = Files.createDirectories(work.resolve("attn"));
    Files.writeString(folder.resolve("a.attn"), "one");
  }

  private String ofFolder() throws IOException {
    Fingerprint all = new Fingerprint();
    all.addFolder(folder, ".attn");
    return all.value();
  }

  private String ofJar(String name, String content) throws IOException {
    Path jar = work.resolve("x.jar");
    try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(jar))) {
      zip.putNextEntry(new ZipEntry(name));
      zip.write(content.getBytes(StandardCharsets.UTF_8));
    }
    Fingerprint all = new Fingerprint();
    all.addElement(jar, "attn/");
    return all.value();
  }

  @Test
  void timesAndOtherFilesDoNotCount() throws IOException {
    String before = ofFolder();
    Files.setLastModifiedTime(folder.resolve("a.attn"), FileTime.fromMillis(0));
    Files.writeString(folder.resolve("notes.txt"), "two");
    assertEquals(before, ofFolder());
  }

  @Test
  void contentNameAndPresenceCount() throws IOException {
    String before = ofFolder();
    Files.writeString(folder.resolve("a.attn"), "two");
    String edited = ofFolder();
    assertNotEquals(before, edited);
    Files.move(folder.resolve("a.attn"), folder.resolve("b.attn"));
    assertNotEquals(edited, ofFolder());
    Files.writeString(folder.resolve("a.attn"), "one");
    assertNotEquals(before, ofFolder());
  }

  @Test
  void ofJarsOnlySpecsCount() throws IOException {
    String before = ofJar("attn/a.attn", "one");
    assertEquals(before, ofJar("attn/a.attn", "one"));
    assertNotEquals(before, ofJar("attn/a.attn", "two"));
    assertEquals(ofJar("org/A.class", "one"), ofJar("org/A.class", "two"));
  }
}
