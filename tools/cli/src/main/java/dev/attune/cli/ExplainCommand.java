package dev.attune.cli;

import dev.attune.cli.picture.Picture;
import dev.attune.cli.picture.TileMap;
import dev.attune.compiler.analysis.KvBounds;
import dev.attune.compiler.analysis.TileTest;
import dev.attune.compiler.pass.PackHeads;
import dev.attune.compiler.pass.Pass;
import dev.attune.compiler.pass.Pipeline;
import dev.attune.compiler.schedule.Target;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Bindings;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.Shape;
import dev.attune.compiler.tile.TileKernel;
import dev.attune.compiler.tile.TilePrinter;
import dev.attune.dsl.syntax.ParseResult;
import dev.attune.dsl.syntax.Parser;
import dev.attune.ptx.artifact.Manifest;
import dev.attune.ptx.assemble.Assembly;
import dev.attune.ptx.compile.KernelCompiler;
import dev.attune.ptx.compile.KernelCompiler.Compilation;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code attune explain}: what becomes of a spec on its way to a kernel. */
@Command(
    name = "explain",
    description = "Shows what becomes of a spec: an overview, or one stage in full.",
    mixinStandardHelpOptions = true,
    sortOptions = false)
final class ExplainCommand implements Callable<Integer> {
  private static final String LOWERED = "lower";

  private static final String PACKED =
      "a launch may take a kernel in which the query heads of a group share a tile";

  /** The stages on the way. */
  enum Stage {
    SYNTAX,
    SPEC,
    TILE,
    SCHEDULE,
    PTX;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  private final Terminal terminal;

  @Parameters(paramLabel = "FILE", description = "A .attn file, or a built-in spec by name.")
  private String file = "";

  @Option(
      names = "--stage",
      paramLabel = "STAGE",
      description = "syntax, spec, tile, schedule or ptx; an overview unless given.")
  private @Nullable Stage stage;

  @Option(
      names = "--stop-after",
      paramLabel = "PASS",
      description = "With --stage tile: the kernel after this pass; 'lower' is before the first.")
  private @Nullable String stopAfter;

  @Option(names = "--time-passes", description = "Times lowering and each pass.")
  private boolean timePasses;

  @Option(
      names = "--picture",
      paramLabel = "FILE",
      description = "Draws the mask of head 0 with its tiles by class: a .svg or .png file.")
  private @Nullable Path picture;

  @Mixin private KernelOptions kernel = new KernelOptions();

  @Mixin private ShapeOptions shape = new ShapeOptions();

  ExplainCommand(Terminal terminal) {
    this.terminal = terminal;
  }

  @Override
  public Integer call() {
    if (stopAfter != null && stage != Stage.TILE) {
      throw new UsageException("--stop-after goes with --stage tile");
    }
    if (picture != null && (stage == Stage.SYNTAX || stage == Stage.SPEC)) {
      throw new UsageException("--picture goes with the overview or a later stage than " + stage);
    }
    if (stage == Stage.SYNTAX) {
      return syntax();
    }
    Target target = kernel.target().orElse(Target.SM_80);
    AttentionSpec spec = SpecFiles.load(terminal, file, kernel.attention());
    if (stage == Stage.SPEC) {
      terminal.out().print(SpecText.print(spec));
      return Main.OK;
    }
    Dtype dtype = kernel.dtype(spec);
    Bindings bindings = Problems.bindings(spec, kernel, shape);
    KernelOptions.Built built =
        KernelOptions.build(
            terminal, spec, new KernelCompiler.Options(target, dtype, bindings.shape().headDim()));
    Compilation compiled = built.compilation();
    if (timePasses) {
      time(compiled);
    }
    if (picture != null) {
      draw(spec, compiled.lowered(), bindings, picture);
    }
    switch (stage) {
      case TILE -> terminal.out().print(TilePrinter.print(tiles(compiled)));
      case SCHEDULE -> schedule(compiled);
      case PTX -> terminal.out().print(compiled.artifact().ptx());
      case SYNTAX, SPEC -> throw new IllegalStateException("handled above");
      case null -> overview(spec, built, bindings);
    }
    return Main.OK;
  }

  private int syntax() {
    ParseResult parsed = Parser.parse(SpecFiles.find(file).source());
    SpecFiles.show(terminal, parsed.diagnostics());
    terminal.out().print(SyntaxText.print(parsed.module()));
    return parsed.ok() ? Main.OK : Main.FAILED;
  }

  private static void draw(AttentionSpec spec, TileKernel kernel, Bindings bindings, Path file) {
    String name = file.toString().toLowerCase(Locale.ROOT);
    if (!name.endsWith(".svg") && !name.endsWith(".png")) {
      throw new UsageException("--picture is '%s', expected a .svg or .png file".formatted(file));
    }
    Shape shape = bindings.shape();
    if (shape.batch() == 0 || shape.seq() == 0 || shape.kvSeq() == 0) {
      throw new UsageException("--picture needs a problem with queries and keys");
    }
    TileTest test = TileTest.of(spec, spec.mask().expr(), kernel.rows(), kernel.cols());
    TileMap map = TileMap.of(test, bindings, 0, 0, kernel.rows(), kernel.cols());
    String title =
        "%s, %d x %d, tiles %d x %d"
            .formatted(spec.name(), shape.seq(), shape.kvSeq(), kernel.rows(), kernel.cols());
    try {
      Files.write(file, name.endsWith(".svg") ? Picture.svg(map, title) : Picture.png(map, title));
    } catch (IOException e) {
      throw new CliException("cannot write %s: %s".formatted(file, e.getMessage()));
    }
  }

  private TileKernel tiles(Compilation compiled) {
    if (stopAfter == null) {
      return compiled.tiles();
    }
    if (stopAfter.equals(LOWERED)) {
      return compiled.lowered();
    }
    List<String> names = new ArrayList<>(List.of(LOWERED));
    compiled.passes().forEach(pass -> names.add(pass.name()));
    int index = names.indexOf(stopAfter);
    if (index < 0) {
      throw new CliException(
          "there is no pass '%s'; the passes are %s"
              .formatted(stopAfter, String.join(", ", names)));
    }
    return Pipeline.run(compiled.passes().subList(0, index), compiled.lowered());
  }

  /** Times each pass by itself; results stay on standard output, times do not. */
  private void time(Compilation compiled) {
    long[] last = {System.nanoTime()};
    Pipeline.run(
        compiled.passes(),
        compiled.lowered(),
        (pass, result) -> {
          long now = System.nanoTime();
          terminal
              .err()
              .println(
                  String.format(Locale.ROOT, "%-16s %8.2f ms", pass.name(), (now - last[0]) / 1e6));
          last[0] = System.nanoTime();
        });
  }

  private void schedule(Compilation compiled) {
    Manifest manifest = compiled.artifact().manifest();
    terminal.out().println(compiled.schedule().print());
    terminal.out().println(CompileCommand.costs(manifest, Optional.empty()));
    String sequence =
        manifest.step().map(n -> "ceil(Sq / %s)".formatted(Exprs.print(n))).orElse("Sq");
    String classes =
        manifest.step().map(n -> " x min(%s, Sq)".formatted(Exprs.print(n))).orElse("");
    String items =
        (manifest.packed() ? "ceil(%s / floor(%d / group)) x Hkv x B" : "ceil(%s / %d) x Hq x B")
                .formatted(sequence, manifest.rowsPerBlock())
            + classes;
    String grid =
        switch (manifest.grid()) {
          case ITEMS -> items;
          case PERSISTENT, PERSISTENT_PACKED -> "min(SMs, " + items + ")";
        };
    String order = compiled.tiles().order().name().toLowerCase(Locale.ROOT);
    terminal.out().println("grid: %s, query tiles %s".formatted(grid, order));
    if (manifest.target() == Target.SM_90A) {
      terminal
          .out()
          .println(
              "few queries: "
                  + PackHeads.refuses(compiled.tiles().spec())
                      .map(why -> "not packed, for " + why)
                      .orElse(PACKED));
    }
    for (Pass pass : compiled.passes()) {
      terminal.out().println("pass %-16s %s".formatted(pass.name(), pass.summary()));
    }
  }

  private void overview(AttentionSpec spec, KernelOptions.Built built, Bindings bindings) {
    Compilation compiled = built.compilation();
    terminal.out().print(SpecText.print(spec));
    TileKernel tiles = compiled.lowered();
    AttentionSpec inside = tiles.spec();
    inside.step().ifPresent(step -> residues(step, inside.mask().expr()));
    section("Keys that a tile of queries visits, from the mask");
    indented(KvBounds.solve(inside).print());
    section("Queries that see a tile of keys, from the mask");
    indented(KvBounds.ofQueries(inside).print());
    TileTest test = TileTest.of(inside, inside.mask().expr(), tiles.rows(), tiles.cols());
    section("Tiles of %d queries and %d keys, from the mask".formatted(tiles.rows(), tiles.cols()));
    indented(test.print());
    section("Tiles at " + RunReport.shape(bindings.shape()));
    terminal.out().println("  kernel  " + TileCounts.of(compiled, bindings).print());
    terminal.out().println("  mask    " + TileCounts.of(test, tiles, bindings).print());
    section("Schedule");
    terminal.out().println("  " + compiled.schedule().print());
    section("Kernel");
    Manifest manifest = compiled.artifact().manifest();
    Optional<Assembly> assembly = built.assembly();
    terminal.out().println("  " + CompileCommand.costs(manifest, assembly));
    assembly.ifPresent(a -> a.notices().forEach(n -> terminal.out().println("  assembler: " + n)));
    terminal
        .out()
        .println(
            "  %d lines of PTX; see --stage tile, --stage ptx"
                .formatted(compiled.artifact().ptx().lines().count()));
  }

  /** What the mask falls apart into. */
  private void residues(Expr step, Expr mask) {
    section("Residue classes modulo %s, each by itself".formatted(Exprs.print(step)));
    indented(
        """
        position i of class residue stands for position %s * i + residue
        mask = %s\
        """
            .formatted(Exprs.print(step), Exprs.print(mask)));
  }

  private void section(String title) {
    terminal.out().println();
    terminal.out().println(title);
  }

  private void indented(String text) {
    text.lines().forEach(line -> terminal.out().println("  " + line));
  }
}
