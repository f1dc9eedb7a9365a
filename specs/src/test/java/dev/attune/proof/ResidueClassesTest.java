package dev.attune.proof;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.attune.compiler.random.Exactness;
import dev.attune.compiler.reference.Problem;
import dev.attune.compiler.schedule.Schedule;
import dev.attune.compiler.schedule.Schedule.Hopper.Output;
import dev.attune.compiler.schedule.Target;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.Shape;
import dev.attune.ptx.compile.KernelCompiler;
import dev.attune.ptx.compile.KernelCompiler.Compilation;
import dev.attune.runtime.Device;
import dev.attune.runtime.DeviceProblem;
import dev.attune.runtime.Explanation;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;

/** Residue classes as tiles, and which launches take them; {@link DeviceProof} runs kernels. */
class ResidueClassesTest {

  /** After all passes. */
  @Test
  void tilesEqualTheReference() {
    ResidueClasses.trials().parallelStream()
        .forEach(
            trial -> {
              Problem problem = trial.problem().problem();
              Compilation compiled =
                  KernelCompiler.compile(
                      problem.spec(),
                      new KernelCompiler.Options(
                          Target.SM_90A, problem.dtype(), problem.shape().headDim()));
              assertTrue(compiled.tiles().spec().step().isPresent(), problem.spec().toString());
              new Exactness(trial, problem, 1).check("all passes", compiled.tiles());
            });
  }

  /** Rows that leave one by one, each at its own address. */
  @Test
  void rowsFromRegisters() {
    Schedule.Hopper direct =
        new Schedule.Hopper(64, 1, 2, false, Output.DIRECT, false, true, true, 8, "rows");
    List<Trial> trials = ResidueClasses.trials().subList(0, 10);
    List<String> failures =
        trials.parallelStream()
            .flatMap(
                trial -> {
                  try (Device device = Device.open("emulated")) {
                    return trial.failure(device, Plan.hopper(direct)).stream();
                  }
                })
            .toList();
    assertEquals(List.of(), failures);
  }

  private static List<Explanation.Verdict> verdicts(Trial trial) {
    Problem problem = trial.problem().problem();
    List<Compilation> candidates =
        KernelCompiler.candidates(
            problem.spec(),
            List.of(Target.SM_90A, Target.SM_90),
            problem.dtype(),
            problem.shape().headDim());
    try (Device device = Device.open("emulated");
        DeviceProblem on =
            new DeviceProblem(
                device, problem, candidates.stream().map(Compilation::artifact).toList())) {
      return on.explain().candidates();
    }
  }

  private static Explanation.Verdict chosen(Trial trial) {
    return verdicts(trial).stream().filter(Explanation.Verdict::chosen).findFirst().orElseThrow();
  }

  private static Trial dilated(int seq, int dilation) {
    Shape shape = Trial.shape(2, 2, 1, seq, seq, 64);
    return Trial.of(Kernels.library("dilated_window"), Dtype.BF16, shape)
        .param("dilation", dilation);
  }

  /** Classes that fill little of a tile are left to a kernel for whole sequences. */
  @Test
  void shortClassesAreNotParted() {
    assertTrue(chosen(dilated(300, 1)).manifest().step().isPresent());
    assertTrue(chosen(dilated(300, 4)).manifest().step().isPresent());
    assertEquals(Optional.empty(), chosen(dilated(300, 100)).manifest().step());
    assertEquals(Optional.empty(), chosen(dilated(1, 2)).manifest().step());
  }

  /** What tensor maps cannot address is refused with its reason, and another kernel serves. */
  @Test
  void stepsBeyondTensorMapsAreRefused() {
    Explanation.Verdict first = verdicts(dilated(40, 1 << 28)).getFirst();
    assertEquals(
        "q has stride 128 along its tokens and every 268435456-th is read, too much for the tensor"
            + " maps of this kernel",
        first.refusal().orElseThrow());
    assertEquals(Optional.empty(), chosen(dilated(40, 1 << 28)).manifest().step());
  }

  /** Only dense batches on Hopper are parted, and only where that is not declined. */
  @Test
  void othersAreWhole() {
    KernelCompiler.Options options =
        new KernelCompiler.Options(
            Target.SM_90A,
            Dtype.BF16,
            Trial.shape(1, 1, 1, 1, 1, 64).headDim(),
            OptionalInt.empty(),
            Optional.empty());
    assertTrue(step(options).isPresent());
    assertEquals(Optional.empty(), step(options.whole()));
    Schedule.Hopper packed =
        new Schedule.Hopper(64, 1, 2, false, Output.DIRECT, false, false, true, 8, "few").pack();
    assertEquals(Optional.empty(), step(options.with(packed)));
    assertEquals(
        Optional.empty(),
        step(new KernelCompiler.Options(Target.SM_80, options.dtype(), options.headDim())));
  }

  private static Optional<?> step(KernelCompiler.Options options) {
    return Kernels.of(Kernels.library("dilated_window"), options).manifest().step();
  }
}
