package dev.attune.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.attune.cli.measure.Rounds;
import dev.attune.cli.measure.Watchdog;
import dev.attune.cli.measure.Workload;
import dev.attune.compiler.schedule.Schedule;
import dev.attune.compiler.schedule.Target;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.compiler.spec.Shape;
import dev.attune.ptx.compile.KernelCompiler;
import dev.attune.ptx.compile.KernelCompiler.Compilation;
import dev.attune.runtime.Device;
import dev.attune.runtime.DeviceInfo;
import dev.attune.runtime.Kernel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code attune bench}: times kernels on the present GPU, and what a launch costs the host. */
@Command(
    name = "bench",
    description = {
      "Times kernels on the present GPU, in shuffled rounds between events of the device.",
      "Results are not compared with anything: 'attune run' does that."
    },
    mixinStandardHelpOptions = true,
    sortOptions = false)
final class BenchCommand implements Callable<Integer> {
  private static final double HANG_SECONDS = 60;

  private final Terminal terminal;

  @Parameters(
      paramLabel = "FILE",
      arity = "1..*",
      description = "A .attn file, or a built-in spec by name.")
  private List<String> files = List.of();

  @Mixin private TimingOptions timing = new TimingOptions();

  @Option(
      names = "--target",
      paramLabel = "TARGET",
      split = ",",
      description =
          "GPU architectures to compile for; every family that the GPU runs unless given.")
  private List<String> targets = List.of();

  @Option(names = "--json", paramLabel = "FILE", description = "Writes every measurement.")
  private @Nullable Path json;

  BenchCommand(Terminal terminal) {
    this.terminal = terminal;
  }

  @Override
  public Integer call() {
    timing.require();
    List<AttentionSpec> specs =
        files.stream().map(f -> SpecFiles.load(terminal, f, Optional.empty())).toList();
    ArrayNode rows = JsonNodeFactory.instance.arrayNode();
    try (Device device = timing.open();
        Watchdog watchdog = new Watchdog(terminal.err(), HANG_SECONDS)) {
      List<Target> wanted = targets(device.info());
      terminal.out().println(timing.print(device));
      terminal
          .out()
          .println(
              "%-34s %-7s %9s %8s %8s %9s  %s"
                  .formatted(
                      "problem", "target", "ms", "TFLOP/s", "host us", "ready ms", "schedule"));
      for (AttentionSpec spec : specs) {
        for (HeadDim dim : timing.headDims(spec)) {
          for (int length : timing.lengths()) {
            rows.addAll(problem(device, watchdog, spec, timing.shape(dim, length), wanted));
          }
        }
      }
      write(device.info(), rows);
    }
    return Main.OK;
  }

  /** The targets of a device's kernels, or those asked for. */
  private List<Target> targets(DeviceInfo info) {
    return targets.isEmpty()
        ? info.targets()
        : targets.stream()
            .map(KernelOptions::parseTarget)
            .map(target -> RunCommand.runnable(info, target))
            .toList();
  }

  /** A kernel that is ready, and how long that took from the spec on. */
  private record Ready(Target target, Compilation compiled, Kernel kernel, double milliseconds) {}

  private List<ObjectNode> problem(
      Device device, Watchdog watchdog, AttentionSpec spec, Shape shape, List<Target> wanted) {
    Dtype dtype = timing.dtype(spec);
    String title = title(spec, shape, dtype);
    List<Ready> ready = new ArrayList<>();
    watchdog.step(title);
    try (Workload workload =
        new Workload(
            device, spec, dtype, shape, Params.values(spec, shape, timing.params(spec)), 0)) {
      for (Target target : wanted) {
        watchdog.step("loading " + title + " for " + target.ptxName());
        ready.add(load(device, spec, dtype, shape, target));
      }
      List<Rounds.Contender> contenders =
          ready.stream()
              .map(
                  r ->
                      new Rounds.Contender(
                          r.target().ptxName(),
                          () -> {
                            watchdog.step(title + " for " + r.target().ptxName());
                            r.kernel().launch(device.stream(), workload.arguments());
                          }))
              .toList();
      Rounds rounds = new Rounds(device, timing.milliseconds());
      List<Rounds.Times> times = rounds.run(contenders, timing.rounds());
      double operations = workload.operations();
      List<ObjectNode> rows = new ArrayList<>();
      for (int i = 0; i < times.size(); i++) {
        double host = rounds.host(contenders.get(i));
        rows.add(report(title, shape, ready.get(i), times.get(i), host, operations));
      }
      return rows;
    } finally {
      ready.forEach(r -> r.kernel().close());
    }
  }

  private Ready load(Device device, AttentionSpec spec, Dtype dtype, Shape shape, Target target) {
    KernelCompiler.Options options =
        new KernelCompiler.Options(
            target, dtype, shape.headDim(), OptionalInt.of(shape.seq()), Optional.empty());
    Schedule schedule = KernelOptions.build(terminal, spec, options).compilation().schedule();
    long start = System.nanoTime();
    Compilation compiled = KernelOptions.compile(spec, options.with(schedule));
    Kernel kernel = device.load(spec, compiled.artifact());
    return new Ready(target, compiled, kernel, (System.nanoTime() - start) / 1e6);
  }

  private ObjectNode report(
      String title, Shape shape, Ready ready, Rounds.Times times, double host, double operations) {
    double tflops = operations / times.median() / 1e9;
    String schedule = ready.compiled().schedule().print();
    terminal
        .out()
        .println(
            String.format(
                Locale.ROOT,
                "%-34s %-7s %9.4f %8.0f %8.1f %9.0f  %s",
                title,
                ready.target().ptxName(),
                times.median(),
                tflops,
                host,
                ready.milliseconds(),
                schedule));
    ObjectNode row =
        JsonNodeFactory.instance
            .objectNode()
            .put("problem", title)
            .put("batch", shape.batch())
            .put("heads", shape.heads())
            .put("kv_heads", shape.kvHeads())
            .put("length", shape.seq())
            .put("target", ready.target().ptxName())
            .put("schedule", schedule)
            .put("median_ms", times.median())
            .put("tflops", tflops)
            .put("host_us", host)
            .put("ready_ms", ready.milliseconds());
    times.milliseconds().forEach(row.putArray("ms")::add);
    return row;
  }

  /** A problem in a few words. */
  static String title(AttentionSpec spec, Shape shape, Dtype dtype) {
    return "%s d%s %s%s S=%d"
        .formatted(
            spec.name(),
            shape.headDim(),
            dtype.keyword(),
            shape.heads() == shape.kvHeads()
                ? ""
                : " %d/%d heads".formatted(shape.heads(), shape.kvHeads()),
            shape.seq());
  }

  private void write(DeviceInfo info, ArrayNode rows) {
    if (json == null) {
      return;
    }
    ObjectNode root = JsonNodeFactory.instance.objectNode();
    root.put("gpu", info.name()).put("driver", info.driver()).put("rounds", timing.rounds());
    root.set("rows", rows);
    try {
      Files.writeString(json, root.toPrettyString() + "\n");
    } catch (IOException e) {
      throw new CliException("cannot write %s: %s".formatted(json, Failures.reason(e)));
    }
  }
}
