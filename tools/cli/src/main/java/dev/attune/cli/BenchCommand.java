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
import dev.attune.ptx.artifact.Artifact;
import dev.attune.ptx.compile.Candidates;
import dev.attune.ptx.compile.KernelCompiler;
import dev.attune.ptx.compile.KernelCompiler.Compilation;
import dev.attune.ptx.compile.Request;
import dev.attune.runtime.Device;
import dev.attune.runtime.DeviceInfo;
import dev.attune.runtime.Kernel;
import dev.attune.runtime.cache.ArtifactStore;
import dev.attune.runtime.cache.DiskCache;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
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

  /** How often a kernel is made ready from disk. */
  private static final int CACHED = 5;

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
    try (OwnCache cache = OwnCache.create();
        Device device = timing.open(cache.cache());
        Watchdog watchdog = new Watchdog(terminal.err(), HANG_SECONDS)) {
      List<Target> wanted = targets(device.info());
      terminal.out().println(timing.print(device));
      terminal
          .out()
          .println(
              "%-34s %-7s %9s %8s %8s %9s %9s  %s"
                  .formatted(
                      "problem",
                      "target",
                      "ms",
                      "TFLOP/s",
                      "host us",
                      "ready ms",
                      "cached ms",
                      "schedule"));
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

  /**
   * A kernel that is ready.
   *
   * @param milliseconds from the spec on, the self-test included, when nothing of it is on disk
   * @param cached the same when all of it is: the median of some
   */
  private record Ready(
      Target target, Compilation compiled, Kernel kernel, double milliseconds, double cached) {}

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
    ArtifactStore store = new ArtifactStore(device.cache());
    Request request = new Request(List.of(target), dtype, shape.headDim());
    long start = System.nanoTime();
    Compilation compiled = KernelOptions.compile(spec, options.with(schedule));
    store.put(spec, request, new Candidates(List.of(compiled.artifact())));
    Kernel kernel = device.load(spec, compiled.artifact());
    double milliseconds = (System.nanoTime() - start) / 1e6;
    double[] cached = new double[CACHED];
    for (int i = 0; i < CACHED; i++) {
      cached[i] = cached(device, spec, store, request);
    }
    Arrays.sort(cached);
    return new Ready(target, compiled, kernel, milliseconds, cached[CACHED / 2]);
  }

  /** Milliseconds from a spec to its kernel, all of which is on disk. */
  private static double cached(
      Device device, AttentionSpec spec, ArtifactStore store, Request request) {
    long start = System.nanoTime();
    List<Artifact> artifacts =
        store
            .get(spec, request)
            .orElseThrow(() -> new CliException("the kernel was not kept: is the disk full?"))
            .artifacts();
    Kernel again = device.load(spec, artifacts);
    double milliseconds = (System.nanoTime() - start) / 1e6;
    again.close();
    return milliseconds;
  }

  /** A cache of this command alone, so that nothing is ready before it is timed. */
  private record OwnCache(Path root, DiskCache cache) implements AutoCloseable {
    static OwnCache create() {
      try {
        Path root = Files.createTempDirectory("attune-bench-");
        DiskCache cache = DiskCache.at(root.resolve("cache"));
        if (cache.directory().isEmpty()) {
          throw new CliException("cannot time kernels from disk: " + cache.reason());
        }
        return new OwnCache(root, cache);
      } catch (IOException e) {
        throw new CliException("cannot time kernels from disk: " + Failures.reason(e));
      }
    }

    @Override
    public void close() {
      try {
        cache.clear();
        Path entries = cache.directory().orElseThrow();
        for (Path directory : List.of(entries, root.resolve("cache"), root)) {
          Files.deleteIfExists(directory);
        }
      } catch (IOException e) {
        // A temporary directory is left over, as after any crash.
      }
    }
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
                "%-34s %-7s %9.4f %8.0f %8.1f %9.0f %9.1f  %s",
                title,
                ready.target().ptxName(),
                times.median(),
                tflops,
                host,
                ready.milliseconds(),
                ready.cached(),
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
            .put("ready_ms", ready.milliseconds())
            .put("cached_ms", ready.cached());
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
