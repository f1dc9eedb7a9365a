package dev.attune.ptx.hopper;

import dev.attune.compiler.schedule.Schedule;
import dev.attune.compiler.schedule.Schedule.Hopper.Output;
import dev.attune.compiler.schedule.Target;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.HeadDim;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * The schedules of the Hopper family, best first, and the arithmetic that says which of them fit.
 * docs/performance.md holds the measurements behind the order.
 */
public final class HopperSchedules {
  /**
   * Registers of a consumer thread besides its fragments. With 28 nothing spilled in any
   * combination assembled, with 24 some did.
   */
  private static final int OTHER_REGISTERS = 28;

  private static final int LAZY = 8;

  private HopperSchedules() {}

  /** Why the family cannot serve a head dimension; empty where it can. */
  public static Optional<String> refuses(HeadDim dim) {
    return supported(dim.qk()) && supported(dim.v())
        ? Optional.empty()
        : Optional.of("head dim " + dim + " is not supported: multiples of 8 from 8 to 256 are");
  }

  /**
   * The schedule for a spec, target and head dimension.
   *
   * @param length the query length the kernel is meant for; none: thousands of rows
   * @throws IllegalArgumentException for a head dimension that is not supported
   */
  public static Schedule.Hopper choose(
      AttentionSpec spec, Target target, HeadDim dim, OptionalInt length) {
    refuses(dim)
        .ifPresent(
            why -> {
              throw new IllegalArgumentException(why);
            });
    return candidates(dim, length).stream()
        .filter(s -> fits(target, dim, s))
        .findFirst()
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "no schedule for head dim " + dim + " fits " + target.ptxName()));
  }

  private static boolean supported(int dim) {
    return dim >= 8 && dim <= 256 && dim % 8 == 0;
  }

  /** The schedules of a head dimension, best first. */
  static List<Schedule.Hopper> candidates(HeadDim dim, OptionalInt length) {
    int widest = Math.max(dim.qk(), dim.v());
    boolean few = length.isPresent() && length.getAsInt() <= 1536;
    List<Schedule.Hopper> list = new ArrayList<>();
    if (widest <= 64) {
      list.add(schedule(64, 4, 3, false, Output.OWN, "head dim up to 64"));
    } else if (widest <= 128) {
      if (few) {
        list.add(schedule(128, 2, 2, true, Output.OWN, "head dim up to 128, short"));
      }
      list.add(schedule(80, 3, 3, false, Output.OWN, "head dim up to 128"));
      list.add(schedule(128, 2, 2, true, Output.OWN, "head dim up to 128"));
    } else {
      list.add(schedule(128, 2, 2, false, Output.QUERY, "head dim up to 256, wide tiles"));
      list.add(schedule(112, 2, 2, false, Output.QUERY, "head dim up to 256, wide tiles"));
      list.add(schedule(96, 2, 2, false, Output.QUERY, "head dim up to 256"));
      list.add(schedule(80, 2, 2, false, Output.QUERY, "head dim up to 256"));
      list.add(schedule(64, 2, 2, false, Output.QUERY, "head dim up to 256"));
    }
    return list;
  }

  private static Schedule.Hopper schedule(
      int cols, int consumers, int stages, boolean inRegisters, Output output, String why) {
    return new Schedule.Hopper(
        cols, consumers, stages, inRegisters, output, false, true, false, LAZY, why);
  }

  /** Whether a schedule's tiles fit the shared memory and registers of a target. */
  public static boolean fits(Target target, HeadDim dim, Schedule.Hopper s) {
    return HopperLayout.of(dim, s).bytes() <= target.sharedBytesPerBlock()
        && registers(dim, s) <= Registers.of(s.consumers()).consumer();
  }

  private static int registers(HeadDim dim, Schedule.Hopper s) {
    int output = dim.v() / 2;
    int scores = s.cols() / 2;
    int weights = s.cols() / 4;
    int query = s.queryInRegisters() ? 4 * Math.ceilDiv(dim.qk(), 16) : 0;
    return output + scores + weights + query + OTHER_REGISTERS;
  }
}
