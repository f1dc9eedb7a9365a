package dev.attune.cli;

import dev.attune.cli.measure.Tuner;
import dev.attune.cli.measure.Watchdog;
import dev.attune.cli.measure.Winner;
import dev.attune.compiler.schedule.Target;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.compiler.spec.Shape;
import dev.attune.ptx.tune.MaskClass;
import dev.attune.ptx.tune.TunedSchedules;
import dev.attune.runtime.Device;
import dev.attune.runtime.cache.DiskCache;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code attune tune}: measures schedules on the present GPU and keeps the fastest. */
@Command(
    name = "tune",
    description = {
      "Measures schedules of the Hopper family on the present GPU and writes the fastest, by head",
      "dimension, class of mask and length, to a table."
    },
    mixinStandardHelpOptions = true,
    sortOptions = false)
final class TuneCommand implements Callable<Integer> {
  private static final double HANG_SECONDS = 60;

  private final Terminal terminal;

  @Parameters(
      paramLabel = "FILE",
      arity = "0..*",
      description = "Specs, each for its class of mask: full and causal unless given.")
  private List<String> files = List.of();

  @Mixin private TimingOptions timing = new TimingOptions();

  @Option(
      names = "-o",
      paramLabel = "FILE",
      required = true,
      description = "The table. What it says about other problems is kept.")
  private Path table = Path.of("");

  @Option(
      names = "--tiles-only",
      description = "Tries shapes of tiles, and leaves everything else as the rules have it.")
  private boolean tilesOnly;

  TuneCommand(Terminal terminal) {
    this.terminal = terminal;
  }

  @Override
  public Integer call() {
    timing.require();
    List<AttentionSpec> specs =
        (files.isEmpty() ? List.of("full", "causal") : files)
            .stream().map(f -> SpecFiles.load(terminal, f, Optional.empty())).toList();
    try (Device device = timing.open(DiskCache.off("most schedules are compiled once"));
        Watchdog watchdog = new Watchdog(terminal.err(), HANG_SECONDS)) {
      if (!device.info().runs(Target.SM_90A)) {
        throw new CliException(
            "%s has compute capability %d.%d, expected 9.0: only schedules of Hopper are tuned"
                .formatted(device.info().name(), device.info().major(), device.info().minor()));
      }
      TunedSchedules tuned = read(device.info().name());
      terminal.out().println(timing.print(device));
      Tuner tuner = new Tuner(device, watchdog, timing.rounds(), timing.milliseconds(), tilesOnly);
      for (AttentionSpec spec : specs) {
        for (HeadDim dim : timing.headDims(spec)) {
          tuned = tune(tuner, tuned, spec, dim);
        }
      }
    }
    return Main.OK;
  }

  /** Tunes one spec at one head dimension, and writes what is known by then. */
  private TunedSchedules tune(Tuner tuner, TunedSchedules tuned, AttentionSpec spec, HeadDim dim) {
    Dtype dtype = timing.dtype(spec);
    List<Winner> winners = new ArrayList<>();
    for (int length : timing.lengths()) {
      Shape shape = timing.shape(dim, length);
      String title = BenchCommand.title(spec, shape, dtype);
      Tuner.Outcome outcome =
          tuner.run(title, spec, dtype, shape, Params.values(spec, shape, timing.params(spec)));
      print(title, outcome);
      outcome
          .fastest()
          .map(f -> new Winner(length, f.schedule(), f.tflops()))
          .ifPresent(winners::add);
    }
    if (winners.isEmpty()) {
      return tuned;
    }
    String today = LocalDate.now(ZoneOffset.UTC).toString();
    TunedSchedules newer =
        tuned.with(Winner.entries(dtype, dim, MaskClass.of(spec), winners, today));
    try {
      Files.writeString(table, newer.write());
    } catch (IOException e) {
      throw new CliException("cannot write %s: %s".formatted(table, Failures.reason(e)));
    }
    return newer;
  }

  private void print(String title, Tuner.Outcome outcome) {
    terminal
        .out()
        .println(
            "-- %s: %d schedules measured, %d left out"
                .formatted(title, outcome.measured().size(), outcome.leftOut().size()));
    outcome.leftOut().stream().map(x -> "   left out: " + x).forEach(terminal.err()::println);
    for (Tuner.Measured m : outcome.measured()) {
      terminal
          .out()
          .println(
              String.format(
                  Locale.ROOT,
                  "%9.4f ms %6.0f TFLOP/s %2d rounds  %s",
                  m.times().median(),
                  m.tflops(),
                  m.times().milliseconds().size(),
                  m.schedule().print()));
    }
  }

  private TunedSchedules read(String gpu) {
    if (!Files.exists(table)) {
      return new TunedSchedules(gpu, List.of());
    }
    try {
      TunedSchedules found = TunedSchedules.read(Files.readString(table));
      if (!found.gpu().equals(gpu)) {
        throw new CliException(
            "%s is about %s, but this GPU is %s".formatted(table, found.gpu(), gpu));
      }
      return found;
    } catch (IOException e) {
      throw new CliException("cannot read %s: %s".formatted(table, Failures.reason(e)));
    } catch (IllegalArgumentException e) {
      throw new CliException("%s: %s".formatted(table, e.getMessage()));
    }
  }
}
