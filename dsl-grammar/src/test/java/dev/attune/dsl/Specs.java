package dev.attune.dsl;

import dev.attune.dsl.diagnostic.Source;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** The texts of the project that are in the language. */
public final class Specs {
  private Specs() {}

  /** The library of variants and the standard library. */
  public static List<Source> all() {
    return Stream.of(
            "../specs/src/main/attn", "../compiler/src/main/resources/dev/attune/compiler/check")
        .flatMap(Specs::under)
        .toList();
  }

  private static Stream<Source> under(String folder) {
    try (Stream<Path> files = Files.list(Path.of(folder))) {
      return files
          .filter(f -> f.toString().endsWith(".attn"))
          .sorted()
          .map(f -> new Source(f.getFileName().toString(), read(f)))
          .toList()
          .stream();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The text of a file. */
  public static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
