package dev.attune.runtime;

import dev.attune.compiler.check.Checked;
import dev.attune.compiler.check.Frontend;
import dev.attune.compiler.check.ImportResolver;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.dsl.diagnostic.Rendering;
import dev.attune.dsl.diagnostic.Source;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** From text to the one attention that it states. */
final class SpecText {
  private static final System.Logger LOG = System.getLogger("dev.attune.runtime");

  private SpecText() {}

  /** The attention of a text without imports. */
  static AttentionSpec of(String text) {
    return of(new Source("text", text), ImportResolver.none());
  }

  /** The attention of a file, which may import those beside it. */
  static AttentionSpec of(Path file) {
    try {
      return of(Source.decode(file.toString(), Files.readAllBytes(file)), ImportResolver.files());
    } catch (NoSuchFileException e) {
      throw new SpecException("there is no file " + file, e);
    } catch (IOException e) {
      throw new SpecException("cannot read %s: %s".formatted(file, e.getMessage()), e);
    }
  }

  /** The attention that a build compiled, of the texts that it kept. */
  static AttentionSpec of(PrebuiltIndex index) {
    List<Source> sources =
        index.texts().stream().map(t -> new Source(t.name(), t.content())).toList();
    ImportResolver imports =
        (importing, name) ->
            IntStream.range(0, sources.size())
                .filter(i -> sources.get(i) == importing)
                .mapToObj(i -> Optional.ofNullable(index.texts().get(i).imports().get(name)))
                .flatMap(Optional::stream)
                .map(sources::get)
                .findFirst();
    return checked(sources.getFirst(), imports).specs().stream()
        .filter(s -> s.name().equals(index.spec()))
        .findFirst()
        .orElseThrow(
            () ->
                new SpecException(
                    "%s declares no attention '%s'"
                        .formatted(sources.getFirst().name(), index.spec())));
  }

  private static Checked checked(Source source, ImportResolver imports) {
    Checked checked = Frontend.load(source, imports);
    if (!checked.ok()) {
      throw new SpecException(checked.diagnostics());
    }
    return checked;
  }

  private static AttentionSpec of(Source source, ImportResolver imports) {
    Checked checked = checked(source, imports);
    checked.diagnostics().forEach(d -> LOG.log(Level.WARNING, Rendering.line(d)));
    List<AttentionSpec> specs = checked.specs();
    if (specs.size() != 1) {
      throw new SpecException(
          "%s declares %d attentions%s, expected one"
              .formatted(
                  source.name(),
                  specs.size(),
                  specs.isEmpty()
                      ? ""
                      : specs.stream()
                          .map(AttentionSpec::name)
                          .collect(Collectors.joining(", ", " (", ")"))));
    }
    return specs.getFirst();
  }
}
