package dev.attune.maven;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Stream;
import java.util.zip.ZipFile;

/** A hash of all that generated files are made of, and of the files themselves. */
final class Fingerprint {
  private final MessageDigest digest;

  Fingerprint() {
    try {
      digest = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every JDK has SHA-256", e);
    }
  }

  /** Adds a word. */
  void add(String word) {
    digest.update((word + "\0").getBytes(StandardCharsets.UTF_8));
  }

  /** Adds the files below a folder whose names end in some way, with their content. */
  void addFolder(Path folder, String suffix) throws IOException {
    add("folder " + folder);
    if (!Files.isDirectory(folder)) {
      return;
    }
    List<Path> files;
    try (Stream<Path> all = Files.walk(folder)) {
      files =
          all.filter(f -> f.toString().endsWith(suffix) && Files.isRegularFile(f))
              .sorted()
              .toList();
    }
    for (Path file : files) {
      add("file " + folder.relativize(file));
      byte[] bytes = Files.readAllBytes(file);
      add(bytes.length + " bytes");
      digest.update(bytes);
    }
  }

  /** Adds the entries of a jar, or the files of a folder, whose names begin in some way. */
  void addElement(Path element, String prefix) {
    add("element " + element);
    try {
      if (Files.isDirectory(element)) {
        addFolder(element.resolve(prefix), "");
      } else if (Files.isRegularFile(element)) {
        try (ZipFile jar = new ZipFile(element.toFile())) {
          jar.stream()
              .filter(e -> e.getName().startsWith(prefix) && !e.isDirectory())
              .forEach(e -> add(e.getName() + " " + e.getSize() + " " + e.getCrc()));
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + element, e);
    }
  }

  /** The hash of all that was added. */
  String value() {
    return HexFormat.of().formatHex(digest.digest());
  }
}
