package dev.attune.cli;

import dev.attune.cli.generate.GenerateOptions;
import dev.attune.cli.generate.Generated;
import dev.attune.cli.generate.Generator;
import dev.attune.compiler.schedule.Batching;
import java.io.File;
import java.io.IOException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code attune generate}: folders of specs become typed launchers with their kernels. */
@Command(
    name = "generate",
    description = {
      "Writes a Java class for each attention of folders of .attn files, and of specs on the class",
      "path that --spec names, and their kernels as resources. Does again only what has changed,"
          + " and removes what is no longer made."
    },
    mixinStandardHelpOptions = true,
    sortOptions = false)
final class GenerateCommand implements Callable<Integer> {
  private final Terminal terminal;

  @Parameters(paramLabel = "DIR", arity = "0..*", description = "Folders of .attn files.")
  private List<Path> sources = new ArrayList<>();

  @Option(
      names = "--java",
      paramLabel = "DIR",
      required = true,
      description = "Where launchers go.")
  private Path java = Path.of(".");

  @Option(
      names = "--resources",
      paramLabel = "DIR",
      required = true,
      description = "Where kernels go: a folder of resources.")
  private Path resources = Path.of(".");

  @Option(
      names = "--state",
      paramLabel = "DIR",
      required = true,
      description = "Where is kept what was made of what.")
  private Path state = Path.of(".");

  @Option(
      names = "--package",
      paramLabel = "NAME",
      required = true,
      description = "Package of the launchers; that of files in subfolders is below it.")
  private String packageName = "";

  @Option(
      names = "--target",
      paramLabel = "TARGET",
      split = ",",
      defaultValue = "sm_80,sm_90a",
      description = "GPUs to make kernels for; sm_80,sm_90a unless given.")
  private List<String> targets = new ArrayList<>();

  @Option(
      names = "--dtype",
      paramLabel = "DTYPE",
      split = ",",
      defaultValue = "bf16",
      description = "For specs that leave it open; bf16 unless given.")
  private List<String> dtypes = new ArrayList<>();

  @Option(
      names = "--head-dim",
      paramLabel = "D[:DV]",
      split = ",",
      defaultValue = "64,128",
      description = "For specs that leave it open, such as 64,192:128; 64,128 unless given.")
  private List<String> headDims = new ArrayList<>();

  @Option(
      names = "--batching",
      paramLabel = "BATCHING",
      split = ",",
      defaultValue = "dense",
      description = "Of dense, padded and packed; dense unless given.")
  private List<Batching> batchings = new ArrayList<>();

  @Option(
      names = "--cubin",
      description = {
        "Machine code beside the PTX: no compiler is needed where it runs, but the driver's",
        "makes faster code of the PTX."
      })
  private boolean cubin;

  @Option(names = "--include", paramLabel = "GLOB", description = "Files that get launchers.")
  private List<String> includes = new ArrayList<>();

  @Option(names = "--exclude", paramLabel = "GLOB", description = "Files that get none.")
  private List<String> excludes = new ArrayList<>();

  @Option(
      names = "--spec",
      paramLabel = "NAME",
      split = ",",
      description = "Specs on the class path that get launchers as well.")
  private List<String> specs = new ArrayList<>();

  @Option(
      names = "--class-path",
      paramLabel = "PATH",
      defaultValue = "",
      description = "Jars and folders that specs are imported from: attn/NAME.attn.")
  private String classPath = "";

  GenerateCommand(Terminal terminal) {
    this.terminal = terminal;
  }

  @Override
  public Integer call() {
    try {
      Generated generated = Generator.generate(options());
      generated.messages().forEach(terminal.out()::println);
      terminal.out().println(generated.summary());
      return generated.errors() == 0 ? Main.OK : Main.FAILED;
    } catch (NotDirectoryException e) {
      throw new CliException("there is no folder " + e.getFile());
    } catch (IOException e) {
      throw new CliException("cannot generate: " + Failures.reason(e));
    }
  }

  private GenerateOptions options() {
    try {
      return new GenerateOptions(
          sources,
          includes,
          excludes,
          specs,
          Arrays.stream(classPath.split(File.pathSeparator, -1))
              .filter(p -> !p.isEmpty())
              .map(Path::of)
              .toList(),
          java,
          resources,
          state,
          packageName,
          targets.stream().map(KernelOptions::parseTarget).toList(),
          dtypes.stream().map(KernelOptions::parseDtype).toList(),
          headDims.stream().map(d -> KernelOptions.parseHeadDim(d.replace(':', ','))).toList(),
          batchings,
          cubin);
    } catch (IllegalArgumentException e) {
      throw new UsageException(String.valueOf(e.getMessage()));
    }
  }
}
