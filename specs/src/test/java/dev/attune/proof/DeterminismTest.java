package dev.attune.proof;

import static dev.attune.proof.Trial.shape;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.attune.compiler.reference.Inputs.Distribution;
import dev.attune.compiler.reference.Problem;
import dev.attune.compiler.reference.Result;
import dev.attune.compiler.spec.Dtype;
import dev.attune.ptx.emulate.AsyncPolicy;
import dev.attune.ptx.emulate.EmulatorOptions;
import dev.attune.ptx.emulate.LaunchReport;
import dev.attune.ptx.emulate.WarpOrder;
import dev.attune.runtime.emulated.EmulatedDevice;
import java.util.Arrays;
import java.util.Optional;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A kernel that synchronises as it must computes the same bits whenever copies arrive, in whatever
 * order warps run, and on however many threads. It executes the same number of instructions; with
 * roles that spin for each other, as many products and copies.
 */
class DeterminismTest {

  @ParameterizedTest
  @ValueSource(strings = {"gemma2_local", "gpt_oss", "document_causal", "sigmoid"})
  void everyScheduleGivesTheSameBits(String name) {
    everyScheduleGivesTheSameBits(name, Plan.AMPERE);
  }

  @ParameterizedTest
  @ValueSource(strings = {"gemma2_local", "gpt_oss", "sigmoid"})
  void everyScheduleOfRolesGivesTheSameBits(String name) {
    everyScheduleGivesTheSameBits(name, Plan.HOPPER);
  }

  private static void everyScheduleGivesTheSameBits(String name, Plan plan) {
    Trial trial = Trial.of(Kernels.library(name), Dtype.BF16, shape(1, 2, 1, 150, 150, 64));
    Problem problem = trial.with(Distribution.RISING, 1).problem().problem();
    Optional<Result> first = Optional.empty();
    Optional<LaunchReport> work = Optional.empty();
    int runs = 0;
    for (AsyncPolicy policy : AsyncPolicy.values()) {
      for (WarpOrder order : WarpOrder.values()) {
        int threads = 1 + runs++ % 3;
        EmulatorOptions options =
            new EmulatorOptions(
                11, policy, order, threads, EmulatorOptions.defaults().instructionLimit());
        try (EmulatedDevice device = EmulatedDevice.open(options)) {
          Result result = new Placed(device, plan).run(problem);
          Result expected = first.orElse(result);
          assertArrayEquals(expected.o().floats(), result.o().floats(), options::toString);
          assertEquals(
              expected.lse().map(a -> Arrays.hashCode(a.floats())),
              result.lse().map(a -> Arrays.hashCode(a.floats())),
              options::toString);
          LaunchReport report = device.lastReport().orElseThrow();
          if (plan.equals(Plan.AMPERE)) {
            assertEquals(work.orElse(report), report, options::toString);
          }
          LaunchReport before = work.orElse(report);
          assertEquals(before.mmaInstructions(), report.mmaInstructions(), options::toString);
          assertEquals(before.asyncCopies(), report.asyncCopies(), options::toString);
          first = Optional.of(expected);
          work = Optional.of(report);
        }
      }
    }
  }
}
