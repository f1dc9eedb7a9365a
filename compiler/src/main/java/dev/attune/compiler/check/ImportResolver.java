package dev.attune.compiler.check;

import dev.attune.dsl.diagnostic.Source;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/** Finds the text behind {@code import name}. */
@FunctionalInterface
public interface ImportResolver {
  /**
   * The library file of that name as seen from the importing source, or empty where there is none.
   */
  Optional<Source> resolve(Source importing, String name);

  /** Finds nothing: for text that stands alone. */
  static ImportResolver none() {
    return (importing, name) -> Optional.empty();
  }

  /** Finds {@code name.attn} beside the importing file, whose name is its path. */
  static ImportResolver files() {
    return (importing, name) -> {
      Path file = Path.of(importing.name()).resolveSibling(name + ".attn");
      if (!Files.isRegularFile(file)) {
        return Optional.empty();
      }
      try {
        return Optional.of(Source.decode(file.toString(), Files.readAllBytes(file)));
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    };
  }
}
