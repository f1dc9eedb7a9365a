package dev.attune.cli;

import dev.attune.compiler.reference.Accuracy;
import dev.attune.compiler.reference.Problem;
import dev.attune.compiler.reference.RowId;
import dev.attune.compiler.schedule.Batching;
import dev.attune.compiler.schedule.Target;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.NdArray;
import dev.attune.compiler.spec.Normalization;
import dev.attune.ptx.compile.Candidates;
import dev.attune.ptx.compile.Request;
import dev.attune.runtime.Device;
import dev.attune.runtime.DeviceInfo;
import dev.attune.runtime.DeviceProblem;
import dev.attune.runtime.Npy;
import dev.attune.runtime.Selection;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code attune run}: compiles, launches, compares with the reference. */
@Command(
    name = "run",
    description = {
      "Compiles a spec, runs the kernel and compares with the float64 reference.",
      "The last line says PASS or FAIL."
    },
    mixinStandardHelpOptions = true,
    sortOptions = false)
final class RunCommand implements Callable<Integer> {
  /** The devices by name. */
  enum Choice {
    AUTO,
    CUDA,
    EMULATED
  }

  private final Terminal terminal;

  @Parameters(paramLabel = "FILE", description = "A .attn file, or a built-in spec by name.")
  private String file = "";

  @Option(
      names = "--device",
      paramLabel = "DEVICE",
      defaultValue = "auto",
      description = "cuda, emulated, or auto: a CUDA device if there is one.")
  private Choice device = Choice.AUTO;

  @Mixin private KernelOptions kernel = new KernelOptions();

  @Mixin private ShapeOptions shape = new ShapeOptions();

  @Mixin private SequenceOptions sequences = new SequenceOptions();

  @Option(
      names = "--why",
      description = "Says what each candidate kernel makes of the problem, and why one is chosen.")
  private boolean why;

  @Option(
      names = "--kernel",
      paramLabel = "KERNEL",
      description = "Takes only this candidate, such as hopper.2, or family, such as ampere.")
  private @Nullable String only;

  @Option(names = "--out", paramLabel = "F.npy", description = "Writes O, float32 [B,Sq,Hq,DV].")
  private @Nullable Path out;

  @Option(names = "--lse", paramLabel = "F.npy", description = "Writes LSE, float32 [B,Hq,Sq].")
  private @Nullable Path lse;

  RunCommand(Terminal terminal) {
    this.terminal = terminal;
  }

  @Override
  public Integer call() {
    Optional<Target> asked = kernel.target();
    AttentionSpec spec = SpecFiles.load(terminal, file, kernel.attention());
    boolean softmax = spec.normalization() instanceof Normalization.Softmax;
    if (lse != null && !softmax) {
      throw new CliException(
          "%s has a weight instead of a softmax, so there is no LSE for --lse to write"
              .formatted(spec.name()));
    }
    Problem problem = Problems.problem(spec, kernel, shape, sequences.lengths());
    try (Device opened = Device.open(device.name().toLowerCase(Locale.ROOT))) {
      long start = System.nanoTime();
      Candidates candidates = candidates(opened.info(), asked, problem, sequences.batching());
      double compileMs = (System.nanoTime() - start) / 1e6;
      Selection selection =
          Optional.ofNullable(only).map(Selection::only).orElseGet(Selection::ofProcess);
      Launcher.Outcome outcome;
      RunReport report;
      try (DeviceProblem onDevice =
          new DeviceProblem(opened, problem, opened.load(spec, candidates, selection))) {
        report = new RunReport(terminal, file, problem, opened.info(), onDevice.explain());
        report.head(shape, compileMs, why);
        outcome = Launcher.run(opened, onDevice);
      }
      write(out, outcome.result().o());
      outcome.result().lse().ifPresent(array -> write(lse, array));
      List<RowId> rows = Sample.rows(problem, shape.seed());
      Accuracy.Report accuracy =
          Accuracy.check(problem, outcome.result(), rows, Accuracy.Limits.PROMISE);
      report.tail(accuracy, outcome.milliseconds());
      return accuracy.passes() ? Main.OK : Main.FAILED;
    }
  }

  private static void write(@Nullable Path path, NdArray array) {
    if (path != null) {
      Npy.write(path, array);
    }
  }

  /** The candidates for a problem. */
  private static Candidates candidates(
      DeviceInfo info, Optional<Target> asked, Problem problem, Batching batching) {
    Request request =
        new Request(targets(info, asked), problem.dtype(), problem.shape().headDim(), batching);
    Candidates candidates = Candidates.of(problem.spec(), request);
    if (candidates.artifacts().isEmpty()) {
      throw new CliException(candidates.refusal());
    }
    return candidates;
  }

  private static List<Target> targets(DeviceInfo info, Optional<Target> asked) {
    return asked.map(target -> List.of(runnable(info, target))).orElseGet(info::targets);
  }

  /** A target that a device runs; refuses others. */
  static Target runnable(DeviceInfo info, Target target) {
    if (!info.runs(target)) {
      throw new CliException(
          "code for %s does not run on %s, which has compute capability %d.%d"
              .formatted(target.ptxName(), info.name(), info.major(), info.minor()));
    }
    return target;
  }
}
