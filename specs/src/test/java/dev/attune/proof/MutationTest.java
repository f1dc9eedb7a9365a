package dev.attune.proof;

import static dev.attune.proof.Trial.shape;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.attune.compiler.reference.Accuracy;
import dev.attune.compiler.reference.Problem;
import dev.attune.compiler.reference.Result;
import dev.attune.compiler.schedule.Schedule;
import dev.attune.compiler.schedule.Target;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.Shape;
import dev.attune.ptx.artifact.Artifact;
import dev.attune.ptx.compile.KernelCompiler;
import dev.attune.ptx.emulate.AsyncPolicy;
import dev.attune.ptx.emulate.EmulatorOptions;
import dev.attune.ptx.emulate.WarpOrder;
import dev.attune.ptx.hopper.HopperSchedules;
import dev.attune.runtime.DeviceException;
import dev.attune.runtime.emulated.EmulatedDevice;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
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
  /**
   * What part of the mutants of a family's kernels is noticed at least. The Ampere family waits for
   * Q and drains its copies although later waits cover both, and copies a tile that nobody reads
   * rather than ask twice whether it is needed: fewer of its mutants compute anything else.
   */
  private static final Map<String, Double> REQUIRED = Map.of("hopper", 0.95, "ampere", 0.9);

  /** A kernel and problems for it. */
  private record Subject(String name, String mask, KernelCompiler.Options options, Shape shape) {

    static Subject of(String name, String mask, Target target, int length, Shape shape) {
      return new Subject(
          name,
          mask,
          new KernelCompiler.Options(
              target, Dtype.BF16, shape.headDim(), OptionalInt.of(length), Optional.empty()),
          shape);
    }

    /** The kernel whose items hold the rows of all query heads of a group. */
    static Subject packed(String name, String mask, Shape shape) {
      Target target = Target.SM_90A;
      Schedule schedule =
          HopperSchedules.packed(Kernels.spec(mask), target, Dtype.BF16, shape.headDim())
              .getFirst()
              .schedule();
      return new Subject(
          name,
          mask,
          new KernelCompiler.Options(
              target, Dtype.BF16, shape.headDim(), OptionalInt.empty(), Optional.of(schedule)),
          shape);
    }

    AttentionSpec spec() {
      return Kernels.spec(mask);
    }

    Shape with(int headsTimes, int seq, int keys) {
      return new Shape(
          shape.batch(),
          headsTimes * shape.heads(),
          headsTimes * shape.kvHeads(),
          seq,
          keys,
          shape.headDim());
    }

    /** Tiles of so many keys that end elsewhere, many items of few tiles, and few keys. */
    List<Shape> others(int cols) {
      int keys = shape.kvSeq();
      return List.of(
          with(1, shape.seq(), keys + cols / 3),
          with(1, shape.seq(), keys + 2 * cols / 3),
          with(3, shape.seq(), cols + cols / 4),
          with(3, shape.seq(), 3 * cols / 4),
          with(1, shape.seq(), FEW));
    }

    /**
     * Loops of one turn and of none, a single key, and the last row, the last key and edges of
     * masks in every row or column of a tile.
     */
    List<Shape> edges(int rows, int cols, Optional<Integer> limit) {
      int seq = shape.seq();
      int keys = shape.kvSeq();
      List<Shape> all = new ArrayList<>();
      for (int quarters : List.of(7, 9, 13)) {
        all.add(with(1, seq, quarters * cols / 4));
      }
      all.add(with(1, seq, keys / cols * cols + seq % cols));
      all.add(with(1, seq, keys / cols * cols + seq % cols - 1));
      all.add(with(1, seq, 1));
      all.add(with(1, seq - 8, keys));
      all.add(with(1, seq - 24, keys));
      limit
          .map(Math::abs)
          .filter(r -> r < rows)
          .ifPresent(
              r -> {
                all.add(with(1, rows + r, keys));
                all.add(with(1, rows + r + 1, keys));
              });
      limit
          .map(Math::abs)
          .filter(c -> c < cols)
          .ifPresent(
              c -> {
                // The last row of the steep masks sees all but 2 and 7 keys; it is one or the
                // other of a lane's rows.
                for (int more : new int[] {0, 1, 3, 8}) {
                  all.add(with(1, seq, keys / cols * cols + c + more));
                  all.add(with(1, seq - 8, keys / cols * cols + c + more));
                }
                all.add(with(1, seq, c + FEW));
              });
      return all;
    }
  }

  private static final String FULL = "";

  /** So few keys that the masks leave some. */
  private static final int FEW = 5;

  /** Steeper than causal, so that a tile of queries has its last keys in every column of a tile. */
  private static final String STEEP = "mask = kv <= 3 * q + (Skv - 3 * Sq)";

  /** The same for the few positions of packed rows. */
  private static final String STEEPER = "mask = kv <= 8 * q + (Skv - 8 * Sq)";

  /** No range of keys per row, with tiles that are empty, full and neither. */
  private static final String PERIODIC = "mask = (kv + q) % 608 < 304";

  /** Two problems in one, of every second position. */
  private static final String CLASSES = STEEP + " and (q - kv) % 2 == 0";

  /** Two heads and several tiles of queries, so that a CTA takes more than one item. */
  private static List<Subject> subjects() {
    Target a = Target.SM_80;
    Target h = Target.SM_90A;
    return List.of(
        Subject.of("hopper d64 steep", STEEP, h, 4096, shape(1, 2, 1, 300, 520, 64)),
        Subject.of("hopper d128 full", FULL, h, 16384, shape(1, 2, 1, 200, 420, 128)),
        Subject.of("hopper d128 steep short", STEEP, h, 1024, shape(1, 2, 1, 140, 560, 128)),
        Subject.of("hopper d256 steep", STEEP, h, 4096, shape(1, 2, 1, 140, 330, 256)),
        Subject.of("hopper d64 full", FULL, h, 16384, shape(1, 2, 1, 200, 500, 64)),
        Subject.of("hopper d128 steep", STEEP, h, 16384, shape(1, 2, 1, 200, 500, 128)),
        Subject.of("hopper d64 tested", PERIODIC, h, 4096, shape(1, 2, 1, 400, 700, 64)),
        Subject.packed("hopper d64 packed", STEEPER, shape(1, 6, 2, 60, 500, 64)),
        Subject.of("hopper d64 classes", CLASSES, h, 4096, shape(1, 2, 1, 600, 1040, 64)),
        Subject.of("hopper d96 steep", STEEP, h, 4096, shape(1, 2, 1, 300, 420, 96)),
        Subject.of("ampere d64 steep", STEEP, a, 4096, shape(1, 1, 1, 140, 330, 64)),
        Subject.of("ampere d128 steep", STEEP, a, 4096, shape(1, 1, 1, 140, 330, 128)),
        Subject.of("ampere d256 steep", STEEP, a, 4096, shape(1, 1, 1, 140, 330, 256)));
  }

  /** How a launch may go, the most telling first. */
  private static List<EmulatorOptions> runs(long limit) {
    EmulatorOptions base =
        new EmulatorOptions(0, AsyncPolicy.LATEST, WarpOrder.ROUND_ROBIN, 2, limit);
    return List.of(
        base,
        base.withSchedule(1, AsyncPolicy.EARLIEST, WarpOrder.REVERSE),
        base.withSchedule(2, AsyncPolicy.RANDOM, WarpOrder.RANDOM),
        base.withSchedule(3, AsyncPolicy.LATEST, WarpOrder.STARVED),
        base.withSchedule(4, AsyncPolicy.EARLIEST, WarpOrder.STARVED));
  }

  /** What became of the mutants of a kernel. */
  private record Outcome(
      Subject subject, Schedule schedule, String ptx, Map<Mutant, Boolean> dead) {

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
    assertFalse(outcomes.isEmpty(), "no kernel's name has " + part);
    REQUIRED.forEach(
        (family, least) -> {
          List<Outcome> of =
              outcomes.stream().filter(o -> o.subject.name.startsWith(family)).toList();
          long mutants = of.stream().mapToLong(o -> o.dead.size()).sum();
          long killed = of.stream().mapToLong(Outcome::killed).sum();
          assertTrue(killed >= least * mutants, report);
        });
  }

  private static Outcome outcome(Subject subject) {
    KernelCompiler.Compilation compiled = KernelCompiler.compile(subject.spec(), subject.options);
    Trials trials = new Trials(subject, compiled.schedule(), compiled.artifact());
    Map<Mutant, Boolean> dead =
        Mutant.all(compiled.artifact().ptx()).parallelStream()
            .collect(
                Collectors.toMap(m -> m, trials::noticed, (a, b) -> a && b, MutationTest::ordered));
    return new Outcome(subject, compiled.schedule(), compiled.artifact().ptx(), dead);
  }

  private static Map<Mutant, Boolean> ordered() {
    return new TreeMap<>(
        Comparator.comparingInt(Mutant::line)
            .thenComparing(Mutant::kind)
            .thenComparing(Mutant::now));
  }

  /** Problems that a kernel's mutants are tried on, and what they should come to. */
  private static final class Trials {
    private final Subject subject;
    private final Schedule schedule;
    private final Artifact artifact;
    private final Map<Shape, Expected> expected = new ConcurrentHashMap<>();

    private record Expected(Problem problem, Result result, List<EmulatorOptions> runs) {}

    Trials(Subject subject, Schedule schedule, Artifact artifact) {
      this.subject = subject;
      this.schedule = schedule;
      this.artifact = artifact;
    }

    private Expected expected(Shape shape) {
      return expected.computeIfAbsent(
          shape,
          k -> {
            Problem problem = Trial.of(subject.spec(), Dtype.BF16, shape).problem().problem();
            EmulatorOptions options = runs(1L << 32).getFirst();
            try (EmulatedDevice device = EmulatedDevice.open(options)) {
              Result result = new Placed(device, Plan.AMPERE).run(problem, artifact);
              assertEquals(Optional.empty(), Trial.failures(problem, result), subject.name);
              long instructions = device.lastReport().orElseThrow().warpInstructions();
              return new Expected(problem, result, runs(4 * instructions));
            }
          });
    }

    boolean noticed(Mutant mutant) {
      Artifact changed = new Artifact(artifact.manifest(), mutant.in(artifact.ptx()));
      boolean bound = mutant.kind() == Mutant.Kind.BOUND;
      Expected first = expected(subject.shape);
      int cols = schedule.cols();
      List<Shape> edges = bound ? subject.edges(schedule.rows(), cols, mutant.limit()) : List.of();
      return first.runs.stream()
              .limit(bound ? 1 : first.runs.size())
              .anyMatch(o -> noticed(changed, first, o))
          || Stream.concat(subject.others(cols).stream(), edges.stream())
              .map(this::expected)
              .anyMatch(
                  e ->
                      noticed(changed, e, e.runs.get(0))
                          || (!bound && noticed(changed, e, e.runs.get(2))));
    }

    private static boolean noticed(Artifact mutant, Expected expected, EmulatorOptions options) {
      try (EmulatedDevice device = EmulatedDevice.open(options)) {
        Result result = new Placed(device, Plan.AMPERE).tight().run(expected.problem, mutant);
        return !same(result, expected.result) && !Accuracy.check(expected.problem, result).passes();
      } catch (DeviceException | AssertionError e) {
        return true;
      }
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
