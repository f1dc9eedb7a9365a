package dev.attune.proof;

import static dev.attune.proof.Trial.shape;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.attune.compiler.spec.Dtype;
import dev.attune.runtime.Device;
import dev.attune.runtime.DeviceException;
import dev.attune.runtime.Kernel;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * The Hopper family on the first CUDA device, much and often. {@code attune.fuzz.cases} is the
 * number of random cases, {@code attune.fuzz.seed} draws others, {@code attune.fuzz.reruns} is the
 * number of launches that must agree.
 */
@Tag("gpu")
class CudaHopperFuzzTest {
  private static final int CASES = Integer.getInteger("attune.fuzz.cases", 5000);
  private static final long SEED = Long.getLong("attune.fuzz.seed", 1);
  private static final int RERUNS = Integer.getInteger("attune.fuzz.reruns", 1000);

  /** Cases that share a kernel, whose compilation takes longer than they do. */
  private static final int CASES_PER_KERNEL = 80;

  @BeforeAll
  static void assume() {
    HopperDevice.assume();
  }

  @Test
  void randomCasesEqualTheReference() {
    int kernels = Math.ceilDiv(CASES, CASES_PER_KERNEL);
    List<Fuzz.Subject> subjects = Fuzz.draw(SEED, kernels, Math.min(CASES, CASES_PER_KERNEL));
    try (Device device = Device.open("cuda")) {
      List<String> failures = Fuzz.failures(subjects, device);
      System.out.printf(
          "fuzz: %d kernels, %d cases, seed %d, %d failures%n",
          subjects.size(),
          subjects.stream().mapToInt(s -> s.trials().size()).sum(),
          SEED,
          failures.size());
      assertEquals(
          "",
          failures.stream().limit(5).collect(Collectors.joining("\n----\n")),
          () -> failures.size() + " failed");
    }
  }

  /** More items than an H200 has CTAs: who gets which differs between launches. */
  @Test
  void launchesAreBitEqual() {
    StringBuilder wrong = new StringBuilder();
    try (Device device = Device.open("cuda")) {
      for (Trial trial : repeated()) {
        var problem = trial.problem().problem();
        try (Kernel kernel = device.load(problem.spec(), Plan.HOPPER.kernels(problem))) {
          new Placed(device, Plan.HOPPER).run(problem, kernel, RERUNS);
        } catch (DeviceException | AssertionError e) {
          wrong.append(e.getMessage()).append(trial);
        }
      }
    }
    assertEquals("", wrong.toString());
  }

  private static List<Trial> repeated() {
    return Stream.of(64, 128, 256)
        .map(d -> shape(1, 40, 10, 700, 700, d))
        .map(s -> Trial.of(Kernels.library("causal"), Dtype.BF16, s))
        .toList();
  }
}
