package dev.attune.specs;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.attune.compiler.analysis.KvBounds;
import dev.attune.compiler.analysis.KvTiles;
import dev.attune.compiler.check.Frontend;
import dev.attune.compiler.check.ImportResolver;
import dev.attune.compiler.reference.Inputs;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Eval;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.compiler.spec.Shape;
import dev.attune.compiler.spec.TensorDecl;
import dev.attune.dsl.diagnostic.Source;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The library's README says what the specs say; {@code -Dattune.bless=true} writes it. */
final class ReadmeTest {
  private static final Path README = Path.of("README.md");
  private static final Path FIXED = Path.of("src/test/resources/readme");
  private static final int TILE = 128;

  /** Characters of a range that still fits its column. */
  private static final int LONGEST = 100;

  private static final Shape SHAPE = new Shape(1, 2, 1, 8192, 8192, new HeadDim(128, 128));

  @Test
  void isOfTheseSpecs() throws IOException {
    StringBuilder text = new StringBuilder(Files.readString(FIXED.resolve("head.md")));
    for (SpecLibrary.Section section : SpecLibrary.sections()) {
      text.append("\n## ").append(section.title()).append("\n\n");
      text.append("| spec | what it is | keys of a tile of queries | solved | visited | full |\n");
      text.append("|---|---|---|---|--:|--:|\n");
      section.names().forEach(name -> text.append(row(name)));
    }
    text.append('\n').append(Files.readString(FIXED.resolve("tail.md")));
    if (Boolean.getBoolean("attune.bless")) {
      Files.writeString(README, text);
    }
    assertEquals(
        Files.readString(README),
        text.toString(),
        "specs/README.md differs: if the change is meant, rewrite it with"
            + " -DtestArgs=-Dattune.bless=true and read the difference");
  }

  private static String row(String name) {
    String text = SpecLibrary.text(name).orElseThrow();
    AttentionSpec spec =
        Frontend.load(new Source(name + ".attn", text), ImportResolver.none()).specs().getFirst();
    KvBounds bounds = KvBounds.solve(spec);
    List<KvBounds.Solved> clauses = bounds.clauses();
    long solved = clauses.stream().filter(KvBounds.Solved::solved).count();
    return "| [%s](src/main/attn/%s.attn) | %s%s | %s | %s | %s |\n"
        .formatted(
            name,
            name,
            SpecLibrary.summary(name).orElseThrow(),
            formula(text),
            keys(bounds),
            clauses.isEmpty() ? "" : solved + " of " + clauses.size(),
            shares(spec, KvTiles.of(spec, TILE, TILE)));
  }

  /** The indented lines of the header. */
  private static String formula(String text) {
    return text.lines()
        .takeWhile(line -> line.startsWith("//"))
        .filter(line -> line.startsWith("//   "))
        .map(line -> "<br>" + code(line.substring(2).strip()))
        .collect(Collectors.joining());
  }

  private static String code(String text) {
    return "`" + text.replace("|", "\\|") + "`";
  }

  private static String keys(KvBounds bounds) {
    String first = bounds.visitFirst().map(Exprs::print).orElse("0");
    String last = bounds.visitLast().map(Exprs::print).orElse("Skv - 1");
    String range = first + " .. " + last;
    return range.length() <= LONGEST ? code(range) : "see `attune explain`";
  }

  /** How many of all tiles are visited, and are full, at 8192 × 8192 positions. */
  private static String shares(AttentionSpec spec, KvTiles tiles) {
    Eval eval = new Eval(Inputs.bindings(reduced(spec, tiles), SHAPE, 1));
    long visited = 0;
    long full = 0;
    long all = 0;
    int columns = SHAPE.kvSeq() / TILE;
    for (int h = 0; h < SHAPE.heads(); h++) {
      for (int q = 0; q < SHAPE.seq(); q += TILE) {
        eval.at(0, h, 0, 0).bind(KvBounds.Q_FIRST, q).bind(KvBounds.Q_LAST, q + TILE - 1L);
        tiles.tested().ifPresent(t -> t.evaluate(eval, SHAPE.kvSeq()));
        long from = eval.integer(tiles.from());
        long to = eval.integer(tiles.to());
        long fullFrom = Math.max(from, tiles.fullFrom().map(eval::integer).orElse(0L));
        long fullTo = Math.min(to, tiles.fullTo().map(eval::integer).orElse(0L));
        visited += Math.max(0, to - from);
        full += Math.max(0, fullTo - fullFrom);
        all += columns;
      }
    }
    return String.format(
        Locale.ROOT, "%.1f %% | %.1f %%", 100.0 * visited / all, 100.0 * full / all);
  }

  /** The spec with the tensors that the tiles depend on: others may be large. */
  private static AttentionSpec reduced(AttentionSpec spec, KvTiles tiles) {
    List<Expr> parts =
        Stream.concat(
                Stream.of(
                        Optional.of(tiles.from()),
                        Optional.of(tiles.last()),
                        tiles.fullFrom(),
                        tiles.fullTo())
                    .flatMap(Optional::stream),
                tiles.tested().stream().flatMap(t -> t.parts().stream()))
            .toList();
    List<TensorDecl> used =
        spec.tensors().stream()
            .filter(
                t ->
                    parts.stream()
                        .anyMatch(
                            p ->
                                Exprs.uses(
                                    p,
                                    e ->
                                        (e instanceof Expr.Gather g && g.tensor().equals(t.name()))
                                            || (e instanceof Expr.Search s
                                                && s.tensor().equals(t.name())))))
            .toList();
    return new AttentionSpec(
        spec.name(),
        spec.origin(),
        spec.params(),
        used,
        spec.score(),
        spec.mask(),
        spec.normalization(),
        spec.outputs(),
        spec.dtype(),
        spec.headDim(),
        spec.instances());
  }
}
