package dev.attune.cli.generate;

import dev.attune.compiler.check.Checked;
import dev.attune.compiler.check.Frontend;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.dsl.diagnostic.Rendering;
import dev.attune.dsl.diagnostic.Source;
import dev.attune.ptx.compile.CompilerVersion;
import dev.attune.runtime.PrebuiltIndex;
import dev.attune.runtime.PrebuiltResources;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Generates launchers and kernels for folders of {@code .attn} files. */
public final class Generator {
  private static final String COMPILER =
      CompilerVersion.of(AttentionSpec.class, CompilerVersion.class, Generator.class);

  private final GenerateOptions options;
  private final Set<String> messages = new LinkedHashSet<>();
  private int errors;

  private Generator(GenerateOptions options) {
    this.options = options;
  }

  /**
   * A source file, checked.
   *
   * @param path relative to its folder, or to {@code attn} in a dependency
   * @param own whether it is in a folder of this build
   */
  private record Unit(
      Path path, boolean own, Source source, ImportedFiles imports, Checked checked) {

    /** With slashes. */
    String name() {
      return path.toString().replace('\\', '/');
    }

    String baseName() {
      return path.getFileName().toString();
    }
  }

  /**
   * Generates what is missing or out of date. What belongs to a file with errors stays as it was.
   *
   * @throws NotDirectoryException if a folder of sources is not there
   * @throws IOException if something cannot be read or written
   */
  public static Generated generate(GenerateOptions options) throws IOException {
    try {
      return new Generator(options).run();
    } catch (UncheckedIOException e) {
      throw new IOException(String.valueOf(e.getMessage()), e);
    }
  }

  private Generated run() throws IOException {
    Outputs outputs = new Outputs(options);
    List<Unit> units = new ArrayList<>();
    for (Path root : options.sources()) {
      for (Path file : files(root)) {
        Source source = Source.decode(file.toString(), Files.readAllBytes(file));
        units.add(check(root.relativize(file), true, source));
      }
    }
    for (String name : options.specs()) {
      dependency(name).ifPresent(units::add);
    }
    Set<Unit> failed = new LinkedHashSet<>(clashes(units));
    int fresh = 0;
    for (Unit unit : units) {
      if (failed.contains(unit) || !unit.checked().ok()) {
        failed.add(unit);
        outputs.keep(unit.name());
        continue;
      }
      String key = key(unit);
      if (outputs.isFresh(unit.name(), key)) {
        fresh++;
        outputs.keep(unit.name());
        continue;
      }
      try {
        outputs.put(unit.name(), key, generate(unit));
      } catch (UnitException e) {
        failed.add(unit);
        outputs.keep(unit.name());
      }
    }
    int removed = outputs.finish();
    return new Generated(
        List.copyOf(messages),
        errors,
        failed.size(),
        units.size(),
        fresh,
        outputs.written(),
        removed);
  }

  private static List<Path> files(Path root) throws IOException {
    if (!Files.isDirectory(root)) {
      throw new NotDirectoryException(root.toString());
    }
    try (Stream<Path> all = Files.walk(root)) {
      return all.filter(f -> f.toString().endsWith(".attn") && Files.isRegularFile(f))
          .sorted()
          .toList();
    }
  }

  private Optional<Unit> dependency(String name) {
    Optional<Source> source = ImportedFiles.onClassPath(options.classPath(), name);
    if (source.isEmpty()) {
      errors++;
      messages.add("error: nothing on the class path has attn/%s.attn".formatted(name));
      return Optional.empty();
    }
    Unit unit = check(Path.of(name + ".attn"), false, source.get());
    if (unit.checked().ok() && unit.checked().specs().isEmpty()) {
      error(unit, 1, "there is no attention in it that could get a launcher");
    }
    return Optional.of(unit);
  }

  private Unit check(Path path, boolean own, Source source) {
    ImportedFiles imports = new ImportedFiles(source, options.classPath());
    Checked checked = Frontend.load(source, imports);
    checked
        .diagnostics()
        .forEach(
            d -> {
              // A file that several import says the same each time.
              if (messages.add(Rendering.line(d)) && d.isError()) {
                errors++;
              }
            });
    return new Unit(path, own, source, imports, checked);
  }

  /** The files that want the same name as another, each with a message. */
  private List<Unit> clashes(List<Unit> units) {
    List<Unit> clashing = new ArrayList<>();
    Map<String, Unit> files = new TreeMap<>();
    Map<String, String> classes = new TreeMap<>();
    Map<String, Unit> owners = new TreeMap<>();
    for (Unit unit : units) {
      Unit same = files.putIfAbsent(unit.baseName(), unit);
      if (same != null) {
        error(
            unit,
            1,
            "there is already a file %s, %s".formatted(unit.baseName(), same.source().name()));
        clashing.add(unit);
        clashing.add(same);
        continue;
      }
      for (AttentionSpec spec : launched(unit)) {
        String type = packageName(unit) + "." + Names.type(spec.name());
        String first = classes.putIfAbsent(type, spec.origin().toString());
        if (first == null) {
          owners.put(type, unit);
        } else {
          error(
              unit,
              spec.origin().line(),
              "the launcher of '%s' would be %s, which is that of the attention at %s"
                  .formatted(spec.name(), type, first));
          clashing.add(unit);
          clashing.add(owners.getOrDefault(type, unit));
        }
      }
    }
    return clashing;
  }

  private void error(Unit unit, int line, String message) {
    errors++;
    say(unit, line, "error", message);
  }

  private void say(Unit unit, int line, String severity, String message) {
    messages.add(
        "%s:%d:1: %s: %s".formatted(unit.source().name(), Math.max(1, line), severity, message));
  }

  /** The attentions of a file that get launchers. */
  private List<AttentionSpec> launched(Unit unit) {
    return !unit.own() || wanted(unit.path()) ? unit.checked().specs() : List.of();
  }

  private boolean wanted(Path path) {
    return (options.includes().isEmpty() || matches(options.includes(), path))
        && !matches(options.excludes(), path);
  }

  private static boolean matches(List<String> patterns, Path name) {
    // Build tools' ** matches no folder as well, that of the file system at least one.
    return patterns.stream()
        .flatMap(p -> p.startsWith("**/") ? Stream.of(p, p.substring(3)) : Stream.of(p))
        .anyMatch(p -> FileSystems.getDefault().getPathMatcher("glob:" + p).matches(name));
  }

  private String packageName(Unit unit) {
    Path folder = unit.path().getParent();
    return folder == null
        ? options.packageName()
        : options.packageName() + "." + folder.toString().replace('\\', '/').replace('/', '.');
  }

  /** A hash of all that the files of a unit are made of. */
  private String key(Unit unit) {
    return Hashes.sha256(
        Stream.of(
                COMPILER,
                unit.name(),
                unit.own(),
                packageName(unit),
                launched(unit).stream().map(AttentionSpec::name).toList(),
                options.targets(),
                options.dtypes(),
                options.headDims(),
                options.batchings(),
                options.cubin(),
                unit.imports().texts().stream()
                    .map(t -> t.name() + new TreeMap<>(t.imports()) + Hashes.sha256(t.content()))
                    .toList())
            .map(Object::toString)
            .collect(Collectors.joining("\n")));
  }

  private Map<Outputs.Name, byte[]> generate(Unit unit) throws UnitException {
    Map<Outputs.Name, byte[]> files = new TreeMap<>();
    String text = unit.source().text();
    if (unit.own()) {
      files.put(new Outputs.Name(false, "attn/" + unit.baseName()), bytes(text));
    }
    String packageName = packageName(unit);
    if (!Names.isPackage(packageName)) {
      error(unit, 1, "its folder would make the package " + packageName + ", which is no name");
      throw new UnitException();
    }
    String folder = packageName.replace('.', '/') + "/";
    boolean complete = true;
    for (AttentionSpec spec : launched(unit)) {
      try {
        Kernels kernels = Kernels.of(spec, options);
        kernels.notices().forEach(notice -> say(unit, spec.origin().line(), "warning", notice));
        String below = folder + spec.name() + "/";
        PrebuiltIndex index =
            new PrebuiltIndex(spec.name(), unit.imports().texts(), COMPILER, kernels.names());
        kernels.files().forEach((n, b) -> files.put(new Outputs.Name(false, below + n), b));
        files.put(new Outputs.Name(false, below + PrebuiltResources.INDEX), bytes(index.toJson()));
        files.put(
            new Outputs.Name(true, folder + Names.type(spec.name()) + ".java"),
            bytes(Launchers.source(packageName, spec, unit.name(), text, Hashes.sha256(text))));
      } catch (IllegalArgumentException e) {
        error(unit, spec.origin().line(), String.valueOf(e.getMessage()));
        complete = false;
      }
    }
    if (!complete) {
      throw new UnitException();
    }
    return files;
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  /** A file for which not everything can be made; what is wrong has been said. */
  private static final class UnitException extends Exception {
    private static final long serialVersionUID = 1L;
  }
}
