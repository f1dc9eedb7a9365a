package dev.attune.ptx.ampere;

import dev.attune.compiler.analysis.KvBounds;
import dev.attune.compiler.analysis.ScoreFactor;
import dev.attune.compiler.schedule.Schedule;
import dev.attune.compiler.schedule.Target;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.compiler.spec.Position;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The schedules of the Ampere family, best first, and the arithmetic that says which of them fit a
 * target. docs/performance.md holds the measurements behind the order.
 */
public final class AmpereSchedules {
  /** Registers of a thread besides its fragments: addresses, row statistics, operands in flight. */
  private static final int OTHER_REGISTERS = 56;

  private static final int LAZY = 8;

  private AmpereSchedules() {}

  /** Why the family cannot serve a head dimension; empty where it can. */
  public static Optional<String> refuses(HeadDim dim) {
    return supported(dim.qk()) && supported(dim.v())
        ? Optional.empty()
        : Optional.of("head dim " + dim + " is not supported: multiples of 8 from 8 to 256 are");
  }

  /**
   * The schedule for a spec, target and head dimension.
   *
   * @throws IllegalArgumentException for a head dimension that is not a multiple of 8 up to 256
   */
  public static Schedule.Ampere choose(AttentionSpec spec, Target target, HeadDim dim) {
    refuses(dim)
        .ifPresent(
            why -> {
              throw new IllegalArgumentException(why);
            });
    return candidates(dim, plain(spec), byPair(spec)).stream()
        .filter(s -> fits(target, dim, s))
        .findFirst()
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "no schedule for head dim " + dim + " fits " + target.ptxName()));
  }

  /** The next schedule with more registers to spare; empty past the narrowest. */
  public static Optional<Schedule.Ampere> narrower(Target target, HeadDim dim, Schedule.Ampere s) {
    return candidates(dim, false, false).stream()
        .filter(n -> registers(dim, n) < registers(dim, s) && fits(target, dim, n))
        .findFirst();
  }

  private static boolean plain(AttentionSpec spec) {
    return ScoreFactor.plain(spec) && KvBounds.ofRow(spec).isPresent();
  }

  /** Whether an element needs a number of a tensor that has one for every query and key. */
  private static boolean byPair(AttentionSpec spec) {
    return Stream.of(spec.score().expr(), spec.mask().expr())
        .anyMatch(e -> Exprs.uses(e, AmpereSchedules::byPair));
  }

  private static boolean byPair(Expr e) {
    return e instanceof Expr.Gather g
        && g.indices().stream()
                .filter(i -> Exprs.uses(i, Position.Q) || Exprs.uses(i, Position.KV))
                .count()
            > 1;
  }

  private static boolean supported(int dim) {
    return dim >= 8 && dim <= 256 && dim % 8 == 0;
  }

  /**
   * The schedules of a head dimension, best first.
   *
   * @param plain the score is the product times a factor and the mask bounds the keys: with little
   *     to evaluate at every element there are registers for wider tiles
   * @param byPair every element reads a tensor where no other does: with an address of its own
   */
  private static List<Schedule.Ampere> candidates(HeadDim dim, boolean plain, boolean byPair) {
    int widest = Math.max(dim.qk(), dim.v());
    List<Schedule.Ampere> list = new ArrayList<>();
    if (widest <= 64) {
      if (plain) {
        list.add(schedule(128, 96, 4, 2, 2, "head dim up to 64, plain score"));
      }
      if (!byPair) {
        list.add(schedule(128, 64, 4, 2, 2, "head dim up to 64"));
      }
      list.add(schedule(64, 64, 4, 1, 2, "head dim up to 64, little shared memory"));
    } else if (widest <= 128) {
      if (plain) {
        list.add(schedule(128, 48, 4, 2, 2, "head dim up to 128, plain score"));
      }
      list.add(schedule(128, 32, 4, 1, 2, "head dim up to 128"));
      list.add(schedule(128, 32, 4, 1, 1, "head dim up to 128, less shared memory"));
      list.add(schedule(64, 32, 4, 1, 2, "head dim up to 128, little shared memory"));
    } else {
      if (plain) {
        list.add(schedule(128, 64, 8, 2, 1, "head dim up to 256, plain score"));
      }
      list.add(schedule(128, 48, 8, 2, 1, "head dim up to 256"));
      list.add(schedule(128, 32, 8, 2, 1, "head dim up to 256, less shared memory"));
      list.add(schedule(64, 32, 4, 1, 1, "head dim up to 256, little shared memory"));
      list.add(schedule(128, 16, 8, 2, 1, "head dim up to 256, few registers"));
    }
    list.add(schedule(64, 16, 4, 1, 1, "the smallest tiles"));
    return list;
  }

  private static Schedule.Ampere schedule(
      int rows, int cols, int warps, int stages, int blocksPerSm, String why) {
    return new Schedule.Ampere(rows, cols, warps, stages, false, blocksPerSm, LAZY, why);
  }

  /** Whether a schedule's tiles fit the shared memory and registers of a target. */
  public static boolean fits(Target target, HeadDim dim, Schedule.Ampere s) {
    int shared = AmpereLayout.of(dim, s).bytes();
    boolean block = shared <= target.sharedBytesPerBlock();
    boolean sm = s.blocksPerSm() * (shared + 1024) <= target.sharedBytesPerSm();
    int available =
        Math.min(
            target.registersPerThread(), target.registersPerSm() / (s.threads() * s.blocksPerSm()));
    return block && sm && registers(dim, s) <= available;
  }

  private static int registers(HeadDim dim, Schedule.Ampere s) {
    int blocks = s.rowsPerWarp() / 16;
    int output = 4 * blocks * (dim.v() / 8);
    int scores = 4 * blocks * (s.cols() / 8);
    int query = s.queryInRegisters() ? 4 * blocks * AmpereLayout.productWidth(dim.qk()) / 16 : 0;
    return output + scores + query + OTHER_REGISTERS;
  }
}
