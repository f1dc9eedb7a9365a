package dev.attune.cli.measure;

import dev.attune.compiler.schedule.Schedule;
import dev.attune.compiler.schedule.Schedule.Hopper;
import dev.attune.compiler.schedule.Target;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.NdArray;
import dev.attune.compiler.spec.Shape;
import dev.attune.ptx.InvalidPtxException;
import dev.attune.ptx.artifact.Artifact;
import dev.attune.ptx.assemble.Assembler;
import dev.attune.ptx.assemble.Assembly;
import dev.attune.ptx.assemble.AssemblyException;
import dev.attune.ptx.assemble.NativeLibraryException;
import dev.attune.ptx.compile.KernelCompiler;
import dev.attune.runtime.Device;
import dev.attune.runtime.DeviceException;
import dev.attune.runtime.Kernel;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Predicate;

/**
 * Finds the fastest Hopper schedule of a problem on a device. Every shape of tiles is measured for
 * a few rounds, then variations of the fastest, then the fastest of all for all rounds. A candidate
 * whose result differs from the Ampere family's is left out, and so is one that spills.
 */
public final class Tuner {
  private static final int FINALISTS = 6;
  private static final int VARIED = 2;

  /** Both results are rounded to 16 bits; a wrong tile gives more than ten times as much. */
  private static final double TOLERANCE = 1e-2;

  /** The rules' own schedule stays unless another is faster by more than the noise. */
  private static final double MARGIN = 0.99;

  private final Device device;
  private final Watchdog watchdog;
  private final int rounds;
  private final double milliseconds;
  private final boolean tilesOnly;
  private final Predicate<Hopper> wanted;
  private final Function<Artifact, Optional<String>> flaw;

  /**
   * Tunes on a device.
   *
   * @param rounds for the finalists; the others have a third of them
   * @param milliseconds about how long one measurement takes
   * @param tilesOnly nothing is varied but the tiles
   */
  public Tuner(
      Device device, Watchdog watchdog, int rounds, double milliseconds, boolean tilesOnly) {
    this(device, watchdog, rounds, milliseconds, tilesOnly, schedule -> true, Tuner::spills);
  }

  /** Tunes among some schedules, with another idea of what makes a kernel not worth measuring. */
  Tuner(
      Device device,
      Watchdog watchdog,
      int rounds,
      double milliseconds,
      boolean tilesOnly,
      Predicate<Hopper> wanted,
      Function<Artifact, Optional<String>> flaw) {
    this.wanted = wanted;
    this.flaw = flaw;
    this.device = device;
    this.watchdog = watchdog;
    this.rounds = rounds;
    this.milliseconds = milliseconds;
    this.tilesOnly = tilesOnly;
  }

  /** A schedule with its times. */
  public record Measured(Hopper schedule, Rounds.Times times, double tflops) {}

  /**
   * What came out.
   *
   * @param fastest the choice; the rules' schedule where the others gain less than noise
   * @param measured all that were timed, the fastest first
   * @param leftOut schedules that were not, with reasons
   */
  public record Outcome(Optional<Measured> fastest, List<Measured> measured, List<String> leftOut) {
    public Outcome {
      measured = List.copyOf(measured);
      leftOut = List.copyOf(leftOut);
    }
  }

  private record Loaded(Hopper schedule, Kernel kernel) {}

  /** A compiled candidate, or why it is none. */
  private record Prepared(Hopper schedule, Optional<Artifact> artifact, String flaw) {}

  /** Tunes one problem. */
  public Outcome run(
      String title, AttentionSpec spec, Dtype dtype, Shape shape, Map<String, Double> params) {
    watchdog.step(title);
    try (Workload workload = new Workload(device, spec, dtype, shape, params, 0)) {
      return new Search(title, spec, dtype, shape, workload).run();
    }
  }

  /** The search for one problem. */
  private final class Search {
    private final String title;
    private final AttentionSpec spec;
    private final Dtype dtype;
    private final Shape shape;
    private final Workload workload;
    private final double operations;
    private final NdArray expected;
    private final List<String> leftOut = new ArrayList<>();
    private final Set<Hopper> seen = new HashSet<>();

    Search(String title, AttentionSpec spec, Dtype dtype, Shape shape, Workload workload) {
      this.title = title;
      this.spec = spec;
      this.dtype = dtype;
      this.shape = shape;
      this.workload = workload;
      this.operations = workload.operations();
      try (Kernel kernel = device.load(spec, compile(Target.SM_90, Optional.empty()).artifact())) {
        this.expected = result(kernel);
      }
    }

    Outcome run() {
      Schedule rules = compile(Target.SM_90A, Optional.empty()).schedule();
      if (!(rules instanceof Hopper chosen)) {
        return new Outcome(Optional.empty(), List.of(), List.of("the family has no schedule"));
      }
      List<Measured> all = new ArrayList<>();
      List<Loaded> loaded = new ArrayList<>();
      try {
        int few = Math.max(3, rounds / 3);
        measure(Candidates.tiles(Target.SM_90A, shape.headDim(), chosen), few, all, loaded);
        if (!tilesOnly) {
          List<Hopper> varied =
              all.stream()
                  .limit(VARIED)
                  .flatMap(
                      m ->
                          Candidates.variations(Target.SM_90A, shape.headDim(), m.schedule())
                              .stream())
                  .toList();
          measure(varied, few, all, loaded);
        }
        Set<Hopper> best = new HashSet<>(List.of(chosen));
        all.stream().limit(FINALISTS).forEach(m -> best.add(m.schedule()));
        List<Loaded> finalists = loaded.stream().filter(l -> best.contains(l.schedule())).toList();
        List<Measured> last = time(finalists, rounds);
        all.removeIf(m -> best.contains(m.schedule()));
        all.addAll(last);
        sort(all);
        sort(last);
        return new Outcome(choice(last, chosen), all, leftOut);
      } finally {
        loaded.forEach(l -> l.kernel().close());
      }
    }

    private Optional<Measured> choice(List<Measured> sorted, Hopper rules) {
      Optional<Measured> fastest = sorted.stream().findFirst();
      return sorted.stream()
          .filter(m -> m.schedule().equals(rules))
          .filter(m -> fastest.orElseThrow().times().median() > MARGIN * m.times().median())
          .findFirst()
          .or(() -> fastest);
    }

    /** Loads what is new and right, times it, and keeps all sorted. */
    private void measure(
        List<Hopper> schedules, int count, List<Measured> all, List<Loaded> loaded) {
      List<Hopper> unseen = schedules.stream().filter(wanted).filter(seen::add).toList();
      watchdog.step("compiling " + unseen.size() + " schedules for " + title);
      List<Loaded> fresh = new ArrayList<>();
      for (Prepared prepared : unseen.parallelStream().map(this::prepare).toList()) {
        load(prepared).ifPresent(fresh::add);
      }
      loaded.addAll(fresh);
      all.addAll(time(fresh, count));
      sort(all);
    }

    private List<Measured> time(List<Loaded> kernels, int count) {
      List<Rounds.Contender> contenders =
          kernels.stream()
              .map(
                  l -> {
                    String what = title + ", " + l.schedule().print();
                    return new Rounds.Contender(
                        what,
                        () -> {
                          watchdog.step(what);
                          l.kernel().launch(device.stream(), workload.arguments());
                        });
                  })
              .toList();
      List<Rounds.Times> times = new Rounds(device, milliseconds).run(contenders, count);
      List<Measured> measured = new ArrayList<>();
      for (int i = 0; i < times.size(); i++) {
        double tflops = operations / times.get(i).median() / 1e9;
        measured.add(new Measured(kernels.get(i).schedule(), times.get(i), tflops));
      }
      return measured;
    }

    private Prepared prepare(Hopper schedule) {
      try {
        Artifact artifact = compile(Target.SM_90A, Optional.of(schedule)).artifact();
        return flaw.apply(artifact)
            .map(what -> new Prepared(schedule, Optional.empty(), what))
            .orElseGet(() -> new Prepared(schedule, Optional.of(artifact), ""));
      } catch (IllegalArgumentException | InvalidPtxException | AssemblyException e) {
        return new Prepared(schedule, Optional.empty(), String.valueOf(e.getMessage()));
      }
    }

    /** Loads a candidate and looks at what it computes. */
    private Optional<Loaded> load(Prepared prepared) {
      String name = prepared.schedule().print();
      String reason = prepared.flaw();
      if (prepared.artifact().isPresent()) {
        watchdog.step(title + ", " + name);
        try {
          Kernel kernel = device.load(spec, prepared.artifact().orElseThrow());
          double difference = Workload.difference(result(kernel), expected);
          if (difference < TOLERANCE) {
            return Optional.of(new Loaded(prepared.schedule(), kernel));
          }
          kernel.close();
          reason = String.format(Locale.ROOT, "O is off by %.1e", difference);
        } catch (DeviceException e) {
          device.synchronize(); // After a fault nothing more can be measured.
          reason = String.valueOf(e.getMessage());
        }
      }
      leftOut.add(name + ": " + reason);
      return Optional.empty();
    }

    private KernelCompiler.Compilation compile(Target target, Optional<Schedule> schedule) {
      return KernelCompiler.compile(
          spec,
          new KernelCompiler.Options(
              target, dtype, shape.headDim(), OptionalInt.of(shape.seq()), schedule));
    }

    /** A sample of what a kernel computes. */
    private NdArray result(Kernel kernel) {
      workload.poison();
      kernel.launch(device.stream(), workload.arguments());
      device.synchronize();
      return workload.sample();
    }
  }

  /** What a kernel spills, as the assembler sees it. */
  private static Optional<String> spills(Artifact artifact) {
    try {
      Assembly assembly = Assembler.assemble(artifact.ptx(), artifact.manifest().target());
      int spilled = assembly.spillStores() + assembly.spillLoads();
      return spilled > 0 ? Optional.of("spills " + spilled + " bytes") : Optional.empty();
    } catch (NativeLibraryException e) {
      return Optional.empty(); // The driver assembles as well, it only does not tell.
    }
  }

  private static void sort(List<Measured> measured) {
    measured.sort(Comparator.comparingDouble(m -> m.times().median()));
  }
}
