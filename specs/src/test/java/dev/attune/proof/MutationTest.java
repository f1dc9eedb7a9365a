package dev.attune.proof;

import static dev.attune.proof.Trial.shape;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.attune.compiler.reference.Accuracy;
import dev.attune.compiler.reference.Inputs.Distribution;
import dev.attune.compiler.reference.Problem;
import dev.attune.compiler.reference.Result;
import dev.attune.compiler.schedule.Schedule;
import dev.attune.compiler.schedule.Target;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.Shape;
import dev.attune.ptx.artifact.Artifact;
import dev.attune.ptx.compile.KernelCompiler;
import dev.attune.ptx.emulate.AsyncPolicy;
import dev.attune.ptx.emulate.EmulatorOptions;
import dev.attune.ptx.emulate.WarpOrder;
import dev.attune.runtime.DeviceException;
import dev.attune.runtime.emulated.EmulatedDevice;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * The emulator and the gates notice when a kernel is wrong: every synchronising instruction of a
 * kernel of each schedule is removed or weakened, every parity, byte count, swizzle bit and bound
 * changed, one at a time. {@code -Dattune.mutation.kernel=part} takes the kernels whose names have
 * that part. What survives is listed in {@code target/mutation.md}.
 */
@Tag("mutation")
class MutationTest {
  private static final double REQUIRED = 0.95;

  /** A kernel and a problem that takes it through all of its code. */
  private record Subject(String name, Trial trial, KernelCompiler.Options options) {

    static Subject of(String name, String mask, Target target, int length, Shape shape) {
      Trial trial = Trial.of(Kernels.spec(mask), Dtype.BF16, shape);
      return new Subject(
          name,
          trial,
          new KernelCompiler.Options(
              target, Dtype.BF16, shape.headDim(), OptionalInt.of(length), Optional.empty()));
    }
  }

  private static final String FULL = "";
  private static final String CAUSAL = "mask = causal_bottom_right";

  /** Two heads and several tiles of queries, so that a CTA takes more than one item. */
  private static List<Subject> subjects() {
    return List.of(
        Subject.of("ampere d64 causal", CAUSAL, Target.SM_80, 4096, shape(1, 1, 1, 140, 330, 64)),
        Subject.of("ampere d128 full", FULL, Target.SM_80, 4096, shape(1, 1, 1, 140, 330, 128)),
        Subject.of("ampere d256 causal", CAUSAL, Target.SM_80, 4096, shape(1, 1, 1, 70, 200, 256)),
        Subject.of("hopper d64 causal", CAUSAL, Target.SM_90A, 4096, shape(1, 2, 1, 300, 520, 64)),
        Subject.of("hopper d64 full", FULL, Target.SM_90A, 16384, shape(1, 2, 1, 200, 600, 64)),
        Subject.of(
            "hopper d128 causal short", CAUSAL, Target.SM_90A, 1024, shape(1, 2, 1, 140, 560, 128)),
        Subject.of(
            "hopper d128 causal", CAUSAL, Target.SM_90A, 16384, shape(1, 2, 1, 200, 500, 128)),
        Subject.of("hopper d128 full", FULL, Target.SM_90A, 16384, shape(1, 2, 1, 200, 420, 128)),
        Subject.of(
            "hopper d256 causal", CAUSAL, Target.SM_90A, 4096, shape(1, 2, 1, 140, 330, 256)));
  }

  /** The schedules of a launch that a mutant must survive, the most telling first. */
  private static List<EmulatorOptions> runs(long limit) {
    EmulatorOptions base = new EmulatorOptions(0, AsyncPolicy.LATEST, WarpOrder.ROUND_ROBIN, 2, limit);
    return List.of(
        base,
        base.withSchedule(1, AsyncPolicy.EARLIEST, WarpOrder.REVERSE),
        base.withSchedule(2, AsyncPolicy.RANDOM, WarpOrder.RANDOM),
        base.withSchedule(3, AsyncPolicy.LATEST, WarpOrder.STARVED),
        base.withSchedule(4, AsyncPolicy.EARLIEST, WarpOrder.STARVED),
        base.withSchedule(5, AsyncPolicy.RANDOM, WarpOrder.RANDOM));
  }

  /** What became of the mutants of a kernel. */
  private record Outcome(Subject subject, Schedule schedule, String ptx, Map<Mutant, Boolean> dead) {

    long killed() {
      return dead.values().stream().filter(d -> d).count();
    }

    List<Mutant> survivors() {
      return dead.entrySet().stream().filter(e -> !e.getValue()).map(Map.Entry::getKey).toList();
    }
  }

  @Test
  void almostEveryMutantIsNoticed() throws IOException {
    String part = System.getProperty("attune.mutation.kernel", "");
    List<Outcome> outcomes =
        subjects().stream().filter(s -> s.name.contains(part)).map(MutationTest::outcome).toList();
    String report = report(outcomes);
    Files.writeString(Path.of("target", "mutation.md"), report);
    long mutants = outcomes.stream().mapToLong(o -> o.dead.size()).sum();
    long killed = outcomes.stream().mapToLong(Outcome::killed).sum();
    assertTrue(mutants > 0, "no kernel's name has " + part);
    assertTrue(killed >= REQUIRED * mutants, report);
  }

  private static Outcome outcome(Subject subject) {
    KernelCompiler.Compilation compiled =
        KernelCompiler.compile(subject.trial.problem().spec(), subject.options);
    Artifact artifact = compiled.artifact();
    Problem problem = subject.trial.problem().problem();
    long limit = 0;
    Optional<Result> right = Optional.empty();
    for (EmulatorOptions options : runs(1L << 32)) {
      try (EmulatedDevice device = EmulatedDevice.open(options)) {
        Result result = new Placed(device).run(problem, artifact);
        assertEquals(Optional.empty(), Trial.failures(problem, result), subject.name);
        limit = Math.max(limit, device.lastReport().orElseThrow().warpInstructions());
        right = Optional.of(result);
      }
    }
    List<EmulatorOptions> runs = runs(4 * limit);
    Result expected = right.orElseThrow();
    List<Mutant> mutants = Mutant.all(artifact.ptx());
    Map<Mutant, Boolean> dead =
        mutants.parallelStream()
            .collect(
                Collectors.toMap(
                    m -> m,
                    m -> {
                      Artifact mutant = new Artifact(artifact.manifest(), m.in(artifact.ptx()));
                      return runs.stream().anyMatch(o -> noticed(problem, mutant, o, expected));
                    },
                    (a, b) -> a && b,
                    () ->
                        new TreeMap<>(
                            java.util.Comparator.comparing(Mutant::line)
                                .thenComparing(Mutant::kind)
                                .thenComparing(Mutant::now))));
    return new Outcome(subject, compiled.schedule(), artifact.ptx(), dead);
  }

  private static boolean noticed(
      Problem problem, Artifact mutant, EmulatorOptions options, Result expected) {
    try (EmulatedDevice device = EmulatedDevice.open(options)) {
      Result result = new Placed(device).run(problem, mutant);
      return !same(result, expected) && !Accuracy.check(problem, result).passes();
    } catch (DeviceException | AssertionError e) {
      return true;
    }
  }

  /** Bit for bit. */
  private static boolean same(Result a, Result b) {
    return Arrays.equals(a.o().floats(), b.o().floats())
        && Arrays.equals(
            a.lse().map(l -> l.floats()).orElse(new float[0]),
            b.lse().map(l -> l.floats()).orElse(new float[0]));
  }

  private static String report(List<Outcome> outcomes) {
    StringBuilder out = new StringBuilder();
    out.append("| kernel | schedule | mutants | noticed |\n|---|---|---|---|\n");
    for (Outcome o : outcomes) {
      out.append(
          "| %s | %s | %d | %d |\n"
              .formatted(o.subject.name, o.schedule.print(), o.dead.size(), o.killed()));
    }
    out.append("\n| change | mutants | noticed |\n|---|---|---|\n");
    for (Mutant.Kind kind : Mutant.Kind.values()) {
      long all = of(outcomes, kind).count();
      long dead = of(outcomes, kind).filter(Map.Entry::getValue).count();
      if (all > 0) {
        out.append("| %s | %d | %d |\n".formatted(kind, all, dead));
      }
    }
    for (Outcome o : outcomes) {
      out.append("\n## %s\n\n".formatted(o.subject.name));
      o.survivors().forEach(m -> out.append("- " + m.describe(o.ptx) + "\n"));
    }
    return out.toString();
  }

  private static Stream<Map.Entry<Mutant, Boolean>> of(List<Outcome> outcomes, Mutant.Kind kind) {
    return outcomes.stream()
        .flatMap(o -> o.dead.entrySet().stream())
        .filter(e -> e.getKey().kind() == kind);
  }
}
