package dev.attune.ptx.ampere;

import dev.attune.compiler.schedule.Schedule;
import dev.attune.compiler.schedule.Target;
import dev.attune.compiler.spec.HeadDim;
import java.util.List;

/**
 * The schedules of the Ampere family, best first, and the arithmetic that says which of them fit a
 * target. docs/performance.md holds the measurements behind the order.
 */
public final class AmpereSchedules {
  /** Registers of a thread besides its fragments: addresses, row statistics, operands in flight. */
  private static final int OTHER_REGISTERS = 56;

  private static final int LAZY = 8;

  private AmpereSchedules() {}

  /**
   * The schedule for a target and head dimension.
   *
   * @throws IllegalArgumentException for a head dimension that is not a multiple of 8 up to 256
   */
  public static Schedule choose(Target target, HeadDim dim) {
    if (!supported(dim.qk()) || !supported(dim.v())) {
      throw new IllegalArgumentException(
          "head dim " + dim + " is not supported: multiples of 8 from 8 to 256 are");
    }
    return candidates(dim).stream()
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

  private static List<Schedule> candidates(HeadDim dim) {
    int widest = Math.max(dim.qk(), dim.v());
    Schedule last = new Schedule(64, 16, 4, 1, false, 1, LAZY, "the smallest tiles");
    if (widest <= 64) {
      return List.of(
          new Schedule(128, 64, 4, 2, false, 2, LAZY, "head dim up to 64"),
          new Schedule(64, 64, 4, 1, false, 2, LAZY, "head dim up to 64, little shared memory"),
          last);
    }
    if (widest <= 128) {
      return List.of(
          new Schedule(128, 64, 4, 2, false, 2, LAZY, "head dim up to 128"),
          new Schedule(128, 32, 4, 2, false, 1, LAZY, "head dim up to 128, less shared memory"),
          new Schedule(64, 32, 4, 1, false, 2, LAZY, "head dim up to 128, little shared memory"),
          last);
    }
    return List.of(
        new Schedule(128, 64, 8, 2, false, 1, LAZY, "head dim up to 256"),
        new Schedule(128, 32, 8, 2, false, 1, LAZY, "head dim up to 256, less shared memory"),
        new Schedule(64, 32, 4, 1, false, 1, LAZY, "head dim up to 256, little shared memory"),
        last);
  }

  /** Whether a schedule's tiles fit the shared memory and registers of a target. */
  public static boolean fits(Target target, HeadDim dim, Schedule s) {
    int shared = AmpereLayout.of(dim, s).bytes();
    boolean block = shared <= target.sharedBytesPerBlock();
    boolean sm = s.blocksPerSm() * (shared + 1024) <= target.sharedBytesPerSm();
    int available =
        Math.min(
            target.registersPerThread(), target.registersPerSm() / (s.threads() * s.blocksPerSm()));
    return block && sm && registers(dim, s) <= available;
  }

  private static int registers(HeadDim dim, Schedule s) {
    int blocks = s.rowsPerWarp() / 16;
    int output = 4 * blocks * (dim.v() / 8);
    int scores = 4 * blocks * (s.cols() / 8);
    int query = s.queryInRegisters() ? 4 * blocks * AmpereLayout.productWidth(dim.qk()) / 16 : 0;
    return output + scores + query + OTHER_REGISTERS;
  }
}
