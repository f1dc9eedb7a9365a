package dev.attune.cli.generate;

import dev.attune.compiler.check.ImportResolver;
import dev.attune.dsl.diagnostic.Source;
import dev.attune.runtime.PrebuiltIndex;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

/**
 * Finds imports beside the importing file or else as {@code attn/NAME.attn} on a class path, and
 * remembers what was found: of one file and all that it leads to.
 */
final class ImportedFiles implements ImportResolver {
  private final List<Path> classPath;
  private final List<Source> found = new ArrayList<>();
  private final Map<String, Integer> numbers = new LinkedHashMap<>();
  private final List<Map<String, Integer>> imports = new ArrayList<>();

  /** The files that a root leads to. */
  ImportedFiles(Source root, List<Path> classPath) {
    this.classPath = classPath;
    add(root);
  }

  private int add(Source source) {
    numbers.put(source.name(), found.size());
    found.add(source);
    imports.add(new LinkedHashMap<>());
    return found.size() - 1;
  }

  @Override
  public Optional<Source> resolve(Source importing, String name) {
    Optional<Source> source =
        ImportResolver.files().resolve(importing, name).or(() -> onClassPath(classPath, name));
    source.ifPresent(
        s -> {
          Integer known = numbers.get(s.name());
          int number = known == null ? add(s) : known;
          imports.get(numbers.getOrDefault(importing.name(), 0)).put(name, number);
        });
    return source;
  }

  /** The spec of a name in the first jar or folder that has one. */
  static Optional<Source> onClassPath(List<Path> classPath, String name) {
    return classPath.stream()
        .flatMap(element -> read(element, "attn/" + name + ".attn").stream())
        .findFirst();
  }

  private static Optional<Source> read(Path element, String name) {
    try {
      if (Files.isRegularFile(element)) {
        try (ZipFile jar = new ZipFile(element.toFile())) {
          ZipEntry entry = jar.getEntry(name);
          return entry == null
              ? Optional.empty()
              : Optional.of(
                  Source.decode(element + "!/" + name, jar.getInputStream(entry).readAllBytes()));
        }
      }
      Path file = element.resolve(name);
      return Files.isRegularFile(file)
          ? Optional.of(Source.decode(file.toString(), Files.readAllBytes(file)))
          : Optional.empty();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + element, e);
    }
  }

  /** The texts without the paths of this machine. */
  List<PrebuiltIndex.Text> texts() {
    List<PrebuiltIndex.Text> texts = new ArrayList<>();
    for (int i = 0; i < found.size(); i++) {
      String path = found.get(i).name().replace('\\', '/');
      texts.add(
          new PrebuiltIndex.Text(
              path.substring(path.lastIndexOf('/') + 1), found.get(i).text(), imports.get(i)));
    }
    return texts;
  }
}
