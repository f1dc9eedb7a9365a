package dev.attune.proof;

import static dev.attune.proof.Trial.shape;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.attune.compiler.schedule.Schedule;
import dev.attune.compiler.schedule.Target;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.ptx.hopper.HopperSchedules;
import dev.attune.runtime.Device;
import dev.attune.runtime.emulated.EmulatedDevice;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Kernels in whose items the query heads of a group share a tile, on the emulator. */
class EmulatedPackedTest {
  private static final List<Layout> LAYOUTS = List.of(Layout.values());

  private static void run(List<Trial> trials) {
    List<String> failures =
        IntStream.range(0, trials.size())
            .parallel()
            .mapToObj(
                i -> {
                  try (Device device = EmulatedDevice.open(EmulatedProofTest.schedule(i, 1))) {
                    Trial trial = trials.get(i);
                    return trial.failure(device, plan(trial, i));
                  }
                })
            .flatMap(Optional::stream)
            .toList();
    assertEquals(List.of(), failures);
  }

  /** One of the family's own packed schedules, with 64 rows or 128. */
  private static Plan plan(Trial trial, int i) {
    AttentionSpec spec = trial.problem().spec();
    HeadDim dim = trial.problem().shape().headDim();
    List<HopperSchedules.Choice> packed =
        HopperSchedules.packed(spec, Target.SM_90A, trial.problem().dtype(), dim);
    Schedule.Hopper schedule = packed.get(i % packed.size()).schedule();
    return new Plan(List.of(Target.SM_90A), Optional.of(schedule));
  }

  /** Groups that divide the rows of a tile and others, tiles of one position and of many. */
  @Test
  void everyGroup() {
    List<Trial> trials = new ArrayList<>();
    int[][] sizes = {{1, 1}, {2, 130}, {5, 64}, {9, 300}, {16, 17}, {33, 129}, {70, 200}};
    List<AttentionSpec> specs =
        List.of(Kernels.library("causal_bottom_right"), Kernels.library("full"));
    for (int group : new int[] {1, 2, 3, 4, 5, 7, 8, 33, 64}) {
      for (int[] size : sizes) {
        int i = trials.size();
        int kvHeads = group > 8 ? 1 : 1 + i % 2;
        Dtype dtype = List.of(Dtype.values()).get(i / 3 % 2);
        trials.add(
            Trial.of(
                    specs.get(i % specs.size()),
                    dtype,
                    shape(1 + i % 2, group * kvHeads, kvHeads, size[0], size[1], 64))
                .in(LAYOUTS.get(i % LAYOUTS.size())));
      }
    }
    run(trials);
  }

  /** What differs by head: scores, sinks, weights and masks. */
  @Test
  void rowsOfSeveralHeads() {
    List<Trial> trials = new ArrayList<>();
    List<AttentionSpec> specs =
        List.of(
            Kernels.library("alibi"),
            Kernels.library("gpt_oss"),
            Kernels.library("relative_bias"),
            Kernels.library("gemma2_local"),
            Kernels.library("sliding_window"),
            Kernels.library("padding"),
            Kernels.spec("weight = sigmoid(score * scale - 0.5 * h)", "mask = causal"),
            Kernels.spec(
                "tensor bonus : float[Hq, Sq]",
                "tensor live : bool[Hq, Skv]",
                "score = score * scale / (1.0 + h) + bonus[h, q]",
                "sink = 0.25 * h",
                "mask = live[h, kv] and kv <= q + (Skv - Sq)",
                "output lse, max_score"),
            Kernels.spec("score = softcap(score * scale, 2.0 + h)"));
    for (AttentionSpec spec : specs) {
      for (int[] size : new int[][] {{3, 1, 90}, {4, 30, 150}, {7, 20, 61}}) {
        int i = trials.size();
        trials.add(
            Trial.of(
                spec,
                List.of(Dtype.values()).get(i % 2),
                shape(1, 2 * size[0], 2, size[1], size[2], i % 2 == 0 ? 64 : 40)));
      }
    }
    run(trials);
  }

  @Test
  void everyHeadDim() {
    List<Trial> trials = new ArrayList<>();
    for (int[] dim :
        new int[][] {{8, 8}, {72, 72}, {128, 128}, {192, 128}, {256, 256}, {64, 200}}) {
      for (int queries : new int[] {1, 40}) {
        int i = trials.size();
        trials.add(
            Trial.of(
                Kernels.library("causal_bottom_right"),
                List.of(Dtype.values()).get(i % 2),
                new dev.attune.compiler.spec.Shape(
                    1, 6, 2, queries, 170, new HeadDim(dim[0], dim[1]))));
      }
    }
    run(trials);
  }
}
