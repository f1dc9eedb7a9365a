package dev.attune.proof;

import static dev.attune.proof.Trial.shape;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.attune.compiler.reference.Accuracy;
import dev.attune.compiler.reference.ExactTests;
import dev.attune.compiler.reference.Executor;
import dev.attune.compiler.reference.Inputs.Distribution;
import dev.attune.compiler.reference.Problem;
import dev.attune.compiler.reference.Result;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Dtype;
import dev.attune.ptx.artifact.Artifact;
import dev.attune.ptx.emulate.AsyncPolicy;
import dev.attune.ptx.emulate.EmulatorOptions;
import dev.attune.ptx.emulate.WarpOrder;
import dev.attune.runtime.Device;
import dev.attune.runtime.DeviceException;
import dev.attune.runtime.emulated.EmulatedDevice;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A defect planted in a compiled kernel is found, and by what was made to find it. */
class PlantedDefectTest {
  private static final AttentionSpec SPEC = Kernels.spec("mask = causal_bottom_right");

  /** One tile of rows; tiles of keys without and with masks, the last of them only in part. */
  private static final Trial TRIAL = Trial.of(SPEC, Dtype.BF16, shape(1, 1, 1, 128, 250, 64));

  private static Problem problem(Distribution distribution) {
    return TRIAL.with(distribution, 1).problem().problem();
  }

  /** The kernel of another meaning, under the manifest of the right one. */
  private static Artifact meaning(String... clauses) {
    Problem p = problem(Distribution.NORMAL);
    Problem other =
        new Problem(Kernels.spec(clauses), p.bindings(), p.dtype(), p.q(), p.k(), p.v());
    return new Artifact(artifact().manifest(), Kernels.of(other).ptx());
  }

  private static Artifact artifact() {
    return Kernels.of(problem(Distribution.NORMAL));
  }

  private static Result run(Artifact artifact, Problem problem) {
    try (Device device = EmulatedDevice.open()) {
      return new Placed(device, Plan.AMPERE).run(problem, artifact);
    }
  }

  /** The names of the gates that a result does not pass. */
  private static List<String> gates(Artifact artifact, Distribution distribution) {
    Problem p = problem(distribution);
    return Accuracy.check(p, run(artifact, p)).gates().stream()
        .filter(g -> !g.passes())
        .map(Accuracy.Gate::name)
        .toList();
  }

  /** Lines of the PTX that match, as numbers. */
  private static List<Integer> lines(String ptx, Pattern pattern) {
    List<String> lines = ptx.lines().toList();
    return IntStream.range(0, lines.size())
        .filter(i -> pattern.matcher(lines.get(i)).find())
        .boxed()
        .toList();
  }

  /** The kernel with some lines replaced. */
  private static Artifact edited(List<Integer> at, UnaryOperator<String> edit) {
    assertTrue(!at.isEmpty(), "there is nothing to edit");
    List<String> lines = new ArrayList<>(artifact().ptx().lines().toList());
    at.forEach(i -> lines.set(i, edit.apply(lines.get(i))));
    return new Artifact(artifact().manifest(), String.join("\n", lines) + "\n");
  }

  /** Lines within the tile operations whose marker matches, after a marker of another. */
  private static List<Integer> within(String after, String operation, Pattern pattern) {
    List<String> lines = artifact().ptx().lines().toList();
    List<Integer> found = new ArrayList<>();
    boolean started = false;
    boolean inside = false;
    for (int i = 0; i < lines.size(); i++) {
      String line = lines.get(i).strip();
      if (line.startsWith("//@ ")) {
        started |= line.startsWith("//@ " + after);
        inside = started && line.startsWith("//@ " + operation);
      } else if (inside && pattern.matcher(line).find()) {
        found.add(i);
      }
    }
    return found;
  }

  @ParameterizedTest
  @EnumSource(Distribution.class)
  void theKernelItselfPasses(Distribution distribution) {
    assertEquals(List.of(), gates(artifact(), distribution));
  }

  @Test
  void aScaleOffByAThousandthShowsInLse() {
    Artifact off = meaning("score = score * (scale * 1.001)", "mask = causal_bottom_right");
    assertTrue(gates(off, Distribution.NORMAL).contains("lse_err"));
    assertEquals(List.of(), gates(meaning("mask = causal_bottom_right"), Distribution.NORMAL));
  }

  @Test
  void oneKeyTooManyIsCounted() {
    Artifact more = meaning("mask = kv <= q + (Skv - Sq) + 1");
    assertTrue(gates(more, Distribution.NORMAL).contains("lse_err"));
    Problem p = problem(Distribution.NORMAL);
    Executor executor = problem -> run(more, problem);
    String found = ExactTests.countsKeys(executor, SPEC, p.bindings(), p.dtype()).orElseThrow();
    assertTrue(found.startsWith("RowId[b=0, h=0, q=0] sees 123 keys"), found);
    assertTrue(found.contains("(124.00 keys)"), found);
    Optional<String> dead = ExactTests.integers(executor, SPEC, p.bindings(), p.dtype());
    assertTrue(dead.isPresent());
  }

  @Test
  void aStaleTileShowsInO() {
    // The copies of the later tiles of V do not happen: their buffers hold the tiles before.
    List<Integer> copies = within("for j masked", "put V", Pattern.compile("cp\\.async\\.cg"));
    Artifact stale = edited(copies, line -> "");
    List<String> failed = gates(stale, Distribution.NORMAL);
    assertTrue(
        failed.containsAll(List.of("max_ratio", "row_ratio", "element_ratio")), failed::toString);
    assertTrue(!failed.contains("lse_err"), "V does not enter LSE");
  }

  @Test
  void aTileThatNeverArrivesIsReported() {
    List<Integer> copies = within("channel", "put V", Pattern.compile("cp\\.async\\.cg"));
    assertEquals("uninitialised", reported(edited(copies, line -> "")));
  }

  @Test
  void aMissingRescaleShowsInRows() {
    List<Integer> products = within("", "scaleRows", Pattern.compile("^mul(\\.[a-z0-9]+)+ %f"));
    Pattern mul = Pattern.compile("mul\\S* (%f\\d+), (%f\\d+), (%f\\d+);");
    Artifact unscaled = edited(products, line -> mul.matcher(line).replaceAll("mov.f32 $1, $2;"));
    List<String> failed = gates(unscaled, Distribution.RISING);
    assertTrue(failed.contains("row_ratio") && failed.contains("max_ratio"), failed::toString);
    assertTrue(!failed.contains("lse_err"), "the sum was rescaled");
  }

  @Test
  void aWrongBitInAMatrixAddressShows() {
    List<Integer> loads = lines(artifact().ptx(), Pattern.compile("ldmatrix.*\\[%r\\d+\\+\\d+]"));
    Pattern offset = Pattern.compile("\\+(\\d+)]");
    List<String> missed =
        survivors(
            loads.stream().filter(i -> i % 3 == 0).toList(),
            line ->
                offset
                    .matcher(line)
                    .replaceAll(m -> "+" + (Integer.parseInt(m.group(1)) ^ 32) + "]"));
    assertEquals(List.of(), missed);
  }

  /** Every barrier of the loops is needed, and the emulator says so. */
  @Test
  void everyDroppedBarrierIsARace() {
    for (int line : within("for j", "get", Pattern.compile("bar\\.sync"))) {
      // What another warp has not waited for is pending; what it has, a race.
      String kinds = reported(edited(List.of(line), l -> ""));
      assertTrue(List.of("race", "race, pending", "pending, race").contains(kinds), kinds);
    }
  }

  /** Every wait of the loops is needed, and the emulator says so. */
  @Test
  void everyDroppedWaitIsReported() {
    for (int line : within("for j", "get", Pattern.compile("cp\\.async\\.wait_group"))) {
      assertEquals("pending", reported(edited(List.of(line), l -> "")), "line " + (line + 1));
    }
  }

  /** The kind of the emulator's complaint: under each schedule, whatever the values are. */
  private static String reported(Artifact artifact) {
    List<String> kinds = new ArrayList<>();
    for (AsyncPolicy policy : AsyncPolicy.values()) {
      for (WarpOrder order : List.of(WarpOrder.ROUND_ROBIN, WarpOrder.RANDOM)) {
        EmulatorOptions options = EmulatorOptions.defaults().withSchedule(3, policy, order);
        try (Device device = EmulatedDevice.open(options)) {
          new Placed(device, Plan.AMPERE).run(problem(Distribution.NORMAL), artifact);
          kinds.add("nothing");
        } catch (DeviceException e) {
          String message = String.valueOf(e.getMessage());
          kinds.add(message.substring(0, Math.max(0, message.indexOf(':'))));
        }
      }
    }
    return kinds.stream().distinct().collect(Collectors.joining(", "));
  }

  /** The edited lines that neither the emulator nor a gate notices. */
  private static List<String> survivors(List<Integer> lines, UnaryOperator<String> edit) {
    List<String> text = artifact().ptx().lines().toList();
    return lines.stream()
        .parallel()
        .filter(i -> !noticed(edited(List.of(i), edit)))
        .map(i -> (i + 1) + ": " + text.get(i).strip())
        .toList();
  }

  private static boolean noticed(Artifact artifact) {
    try {
      return !gates(artifact, Distribution.NORMAL).isEmpty();
    } catch (DeviceException e) {
      return true;
    }
  }
}
