package dev.attune.cli;

import dev.attune.compiler.check.Checked;
import dev.attune.compiler.check.Frontend;
import dev.attune.compiler.check.ImportResolver;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.dsl.diagnostic.Diagnostic;
import dev.attune.dsl.diagnostic.Nearest;
import dev.attune.dsl.diagnostic.Rendering;
import dev.attune.dsl.diagnostic.Source;
import dev.attune.specs.SpecLibrary;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/** Finds and checks the spec a user names: a file, or one of the library by its name. */
final class SpecFiles {
  /** More is read of no file; the language allows far less. */
  private static final int MAX_BYTES = 4 << 20;

  private SpecFiles() {}

  /**
   * A text and how its imports are found.
   *
   * @param builtIn whether it comes from the library
   */
  record Found(Source source, ImportResolver imports, boolean builtIn) {}

  /**
   * Finds the text behind a name.
   *
   * @throws CliException if there is none, or it cannot be read
   */
  static Found find(String name) {
    Path file;
    try {
      file = Path.of(name);
    } catch (InvalidPathException e) {
      throw new CliException("'%s' is no name of a file: %s".formatted(name, e.getReason()));
    }
    if (Files.isDirectory(file)) {
      throw new CliException("%s is a directory, expected a .attn file".formatted(name));
    }
    if (Files.exists(file)) {
      return new Found(read(name, file), ImportResolver.files(), false);
    }
    return SpecLibrary.text(name)
        .map(text -> new Found(new Source(name + ".attn", text), SpecFiles::builtIn, true))
        .orElseThrow(() -> missing(name));
  }

  private static Optional<Source> builtIn(Source importing, String name) {
    return SpecLibrary.text(name).map(text -> new Source(name + ".attn", text));
  }

  private static Source read(String name, Path file) {
    try (InputStream in = Files.newInputStream(file)) {
      byte[] bytes = in.readNBytes(MAX_BYTES + 1);
      if (bytes.length > MAX_BYTES) {
        throw new CliException(
            "%s is larger than %d MiB, expected a .attn file of at most 64 KiB"
                .formatted(name, MAX_BYTES >> 20));
      }
      return Source.decode(name, bytes);
    } catch (IOException e) {
      throw new CliException("cannot read %s: %s".formatted(name, Failures.reason(e)));
    }
  }

  private static CliException missing(String name) {
    boolean path = name.contains("/") || name.endsWith(".attn");
    String stem = name.substring(name.lastIndexOf('/') + 1).replaceFirst("\\.attn$", "");
    String near =
        Nearest.to(stem, SpecLibrary.names())
            .map(n -> "; did you mean the built-in %s?".formatted(n))
            .orElse("; 'attune specs' lists the built-in specs");
    return new CliException(
        path
            ? "there is no file %s%s".formatted(name, near)
            : "there is neither a file nor a built-in spec named %s%s".formatted(name, near));
  }

  /** Checks a text. */
  static Checked check(Found found) {
    return Frontend.load(found.source(), found.imports());
  }

  /** Shows diagnostics on the terminal. */
  static void show(Terminal terminal, List<Diagnostic> diagnostics) {
    for (Diagnostic d : diagnostics) {
      terminal.err().print(Rendering.terminal(d, terminal.colour()));
      terminal.err().println();
    }
  }

  /** How many errors and warnings there are, in words. */
  static String count(List<Diagnostic> diagnostics) {
    long errors = diagnostics.stream().filter(Diagnostic::isError).count();
    long warnings = diagnostics.size() - errors;
    return "%d error%s%s"
        .formatted(
            errors,
            errors == 1 ? "" : "s",
            warnings == 0 ? "" : ", %d warning%s".formatted(warnings, warnings == 1 ? "" : "s"));
  }

  /**
   * The attention a user means, with every diagnostic of its file shown.
   *
   * @param wanted its name, where the file declares several
   * @throws CliException if the file has errors, or it is not clear which attention is meant
   */
  static AttentionSpec load(Terminal terminal, String name, Optional<String> wanted) {
    Checked checked = check(find(name));
    show(terminal, checked.diagnostics());
    if (!checked.ok()) {
      throw new CliException("%s has %s".formatted(name, count(checked.diagnostics())));
    }
    List<AttentionSpec> specs = checked.specs();
    String names = specs.stream().map(AttentionSpec::name).collect(Collectors.joining(", "));
    if (wanted.isPresent()) {
      return specs.stream()
          .filter(s -> s.name().equals(wanted.get()))
          .findFirst()
          .orElseThrow(
              () ->
                  new CliException(
                      "%s declares no attention '%s'; it declares %s"
                          .formatted(name, wanted.get(), names)));
    }
    if (specs.size() != 1) {
      throw new CliException(
          specs.isEmpty()
              ? "%s declares no attention".formatted(name)
              : "%s declares %d attentions (%s); choose one with --attention NAME"
                  .formatted(name, specs.size(), names));
    }
    return specs.getFirst();
  }
}
