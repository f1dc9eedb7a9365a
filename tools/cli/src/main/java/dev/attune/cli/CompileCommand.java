package dev.attune.cli;

import dev.attune.compiler.schedule.Batching;
import dev.attune.compiler.schedule.Target;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.ptx.artifact.Artifacts;
import dev.attune.ptx.artifact.Manifest;
import dev.attune.ptx.assemble.Assembly;
import dev.attune.ptx.compile.KernelCompiler;
import dev.attune.ptx.compile.KernelCompiler.Compilation;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code attune compile}: a spec becomes files. */
@Command(
    name = "compile",
    description = {
      "Writes NAME.ptx, NAME.json (how to launch it) and, if asked, NAME.cubin.",
      "Where the assembler finds no registers for tiles, they become narrower."
    },
    mixinStandardHelpOptions = true,
    sortOptions = false)
final class CompileCommand implements Callable<Integer> {
  private final Terminal terminal;

  @Parameters(paramLabel = "FILE", description = "A .attn file, or a built-in spec by name.")
  private String file = "";

  @Option(
      names = "-o",
      paramLabel = "DIR",
      defaultValue = ".",
      description = "Where to write; made if missing. The current directory unless given.")
  private Path directory = Path.of(".");

  @Option(
      names = "--name",
      paramLabel = "NAME",
      description = "Name of the files; the attention's name unless given.")
  private @Nullable String name;

  @Mixin private KernelOptions kernel = new KernelOptions();

  @Option(
      names = "--seq",
      paramLabel = "N",
      description =
          "Query length at which the kernel is to be fast; it serves all. Thousands unless given.")
  private @Nullable Integer seq;

  @Option(
      names = "--packed-rows",
      paramLabel = "N",
      description =
          "The query heads of a group share tiles of 64 or 128 rows: for few queries. sm_90a only.")
  private @Nullable Integer packedRows;

  @Option(
      names = "--batching",
      paramLabel = "BATCHING",
      defaultValue = "dense",
      description =
          "How the sequences of a batch lie: dense, or packed or padded with their own lengths.")
  private Batching batching = Batching.DENSE;

  @Option(
      names = "--whole",
      description =
          "Sequences are computed as a whole, not by the residue classes that a mask may part.")
  private boolean whole;

  @Option(names = "--cubin", description = "Writes machine code as well.")
  private boolean cubin;

  CompileCommand(Terminal terminal) {
    this.terminal = terminal;
  }

  @Override
  public Integer call() {
    Target target = kernel.target().orElse(Target.SM_80);
    AttentionSpec spec = SpecFiles.load(terminal, file, kernel.attention());
    if (seq != null && seq < 1) {
      throw new UsageException("--seq is %d, expected at least 1".formatted(seq));
    }
    if (packedRows != null && batching != Batching.DENSE) {
      throw new UsageException("--packed-rows is for dense batches");
    }
    KernelCompiler.Options options =
        new KernelCompiler.Options(
            target,
            kernel.dtype(spec),
            kernel.headDim(spec),
            seq == null ? OptionalInt.empty() : OptionalInt.of(seq),
            Optional.ofNullable(packedRows).map(rows -> kernel.packed(spec, target, rows)),
            batching);
    KernelOptions.Built built =
        KernelOptions.build(terminal, spec, whole ? options.whole() : options);
    Compilation compiled = built.compilation();
    Optional<Assembly> assembly = built.assembly();
    assembly.ifPresent(a -> a.notices().forEach(n -> terminal.err().println("assembler: " + n)));
    if (cubin && assembly.isEmpty()) {
      throw new CliException("--cubin needs the assembler");
    }
    String stem = Optional.ofNullable(name).orElse(spec.name());
    try {
      if (cubin) {
        Artifacts.write(compiled.artifact(), directory, stem, assembly.orElseThrow().cubin());
      } else {
        Artifacts.write(compiled.artifact(), directory, stem);
      }
    } catch (IOException e) {
      throw new CliException("cannot write to %s: %s".formatted(directory, Failures.reason(e)));
    }
    terminal.out().println("wrote " + directory.resolve(stem + ".ptx"));
    terminal.out().println("wrote " + directory.resolve(stem + ".json"));
    if (cubin) {
      terminal.out().println("wrote " + directory.resolve(stem + ".cubin"));
    }
    terminal.out().println(costs(compiled.artifact().manifest(), assembly));
    return Main.OK;
  }

  /** What a kernel costs, on one line. */
  static String costs(Manifest manifest, Optional<Assembly> assembly) {
    return "%s for %s: %d threads, %d bytes of shared memory%s"
        .formatted(
            manifest.entry(),
            manifest.target().ptxName(),
            manifest.threads(),
            manifest.sharedBytes(),
            assembly
                .map(
                    a ->
                        ", %d registers, %d bytes spilled"
                            .formatted(a.registers(), a.spillStores() + a.spillLoads()))
                .orElse(""));
  }
}
