package dev.attune.proof;

import dev.attune.compiler.schedule.Schedule;
import dev.attune.compiler.schedule.Schedule.Hopper.Output;
import dev.attune.compiler.schedule.Target;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.ptx.hopper.HopperSchedules;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** Every schedule of the Hopper family that fits a head dimension, good or bad. */
final class HopperDraws {
  private static final List<Integer> COLS =
      List.of(64, 16, 32, 48, 80, 96, 112, 128, 144, 176, 208, 256);
  private static final List<Boolean> EITHER = List.of(false, true);
  private static final Map<HeadDim, List<Schedule.Hopper>> ALL = new ConcurrentHashMap<>();

  private HopperDraws() {}

  /** The plainest first. */
  static List<Schedule.Hopper> all(HeadDim dim) {
    return ALL.computeIfAbsent(dim, HopperDraws::compute);
  }

  private static List<Schedule.Hopper> compute(HeadDim dim) {
    List<Schedule.Hopper> all = new ArrayList<>();
    for (int consumers = 1; consumers <= 4; consumers++) {
      for (int stages = 1; stages <= 3; stages++) {
        for (int cols : COLS) {
          for (Output output : Output.values()) {
            for (boolean registers : EITHER) {
              if (registers && output == Output.QUERY) {
                continue;
              }
              Schedule.Hopper plain =
                  new Schedule.Hopper(
                      cols, consumers, stages, registers, output, false, false, false, 8, "drawn");
              if (HopperSchedules.fits(Target.SM_90A, dim, plain)) {
                all.addAll(variants(plain));
              }
            }
          }
        }
      }
    }
    return List.copyOf(all);
  }

  /** The switches that take neither shared memory nor registers. */
  private static List<Schedule.Hopper> variants(Schedule.Hopper s) {
    List<Schedule.Hopper> variants = new ArrayList<>();
    for (int lazy : List.of(8, 0)) {
      for (boolean rescaleFirst : EITHER) {
        for (boolean skipEmpty : EITHER) {
          for (boolean integerMax : EITHER) {
            Schedule.Hopper variant =
                new Schedule.Hopper(
                    s.cols(),
                    s.consumers(),
                    s.stages(),
                    s.queryInRegisters(),
                    s.output(),
                    rescaleFirst,
                    skipEmpty,
                    integerMax,
                    lazy,
                    s.why());
            variants.add(variant);
            if (s.output() == Output.DIRECT) {
              variants.add(variant.pack());
            }
          }
        }
      }
    }
    return variants;
  }
}
