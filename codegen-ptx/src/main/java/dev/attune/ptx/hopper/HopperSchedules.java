package dev.attune.ptx.hopper;

import dev.attune.compiler.analysis.KvBounds;
import dev.attune.compiler.analysis.ScoreFactor;
import dev.attune.compiler.pass.PackHeads;
import dev.attune.compiler.schedule.Lengths;
import dev.attune.compiler.schedule.Schedule;
import dev.attune.compiler.schedule.Schedule.Hopper.Output;
import dev.attune.compiler.schedule.Target;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.compiler.spec.Normalization;
import dev.attune.compiler.spec.Position;
import dev.attune.compiler.spec.Shape;
import dev.attune.ptx.tune.MaskClass;
import dev.attune.ptx.tune.TunedSchedules;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import java.util.stream.Stream;

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

  /** Keys of the narrowest tile, what narrowing takes off, and where fewer consumers start. */
  private static final int NARROWEST = 48;

  /** Keys of a tile for which one consumer of {@link #NARROWEST} has too few registers. */
  private static final int LAST_RESORT = 16;

  private static final int STEP = 16;

  private static final int WIDEST_AGAIN = 80;

  /** Query lengths up to this are short: tiles of 192 rows would leave too much of them empty. */
  private static final int SHORT = 1536;

  private static final int THOUSANDS = 4096;

  /**
   * Operations of a mask beyond which its elements, or the test of its tiles, take the registers of
   * a tile of 128 keys.
   */
  private static final int MUCH = 20;

  /**
   * Of a tile's rows, how small a part a residue class may be. An item of one tile takes as long as
   * two or three tiles of many; where the class has an eighth of its rows, the tiles of whole
   * sequences with a window of a thousand positions are still as many and test every pair.
   */
  private static final int LEAST_PART = 8;

  private static final TunedSchedules MEASURED =
      TunedSchedules.shipped("NVIDIA H200").orElseThrow();

  private HopperSchedules() {}

  /** Why the family cannot serve a head dimension; empty where it can. */
  public static Optional<String> refuses(HeadDim dim) {
    return supported(dim.qk()) && supported(dim.v())
        ? Optional.empty()
        : Optional.of("head dim " + dim + " is not supported: multiples of 8 from 8 to 256 are");
  }

  /**
   * A schedule and the query lengths at which it is the fastest.
   *
   * @param queries lengths; the schedule serves every other as well
   */
  public record Choice(Schedule.Hopper schedule, Lengths queries) {}

  /**
   * The schedules for a spec, together for every query length, the shortest first: as measured on
   * the GPU that the target is for, or by rules where nothing like it was measured.
   *
   * @throws IllegalArgumentException for a head dimension that is not supported
   */
  public static List<Choice> choices(AttentionSpec spec, Target target, Dtype dtype, HeadDim dim) {
    refuses(dim)
        .ifPresent(
            why -> {
              throw new IllegalArgumentException(why);
            });
    boolean light = light(spec);
    List<Choice> measured =
        light
            ? MEASURED
                .candidates(dtype, dim, MaskClass.of(spec))
                .map(e -> new Choice(suited(spec, e.schedule()), e.queries()))
                .toList()
            : List.of();
    if (!measured.isEmpty()) {
      return measured;
    }
    return byRules(target, dim, light).stream()
        .map(c -> new Choice(suited(spec, c.schedule()), c.queries()))
        .toList();
  }

  /**
   * The schedules for the spec of a residue class, for classes of such lengths. Shorter ones leave
   * so much of a tile idle that a tile of whole sequences, of which most pairs are dead, is no
   * worse.
   */
  public static List<Choice> ofResidues(
      AttentionSpec residues, Target target, Dtype dtype, HeadDim dim) {
    List<Choice> list = new ArrayList<>();
    for (Choice c : choices(residues, target, dtype, dim)) {
      int least = Math.max(c.queries().from(), c.schedule().rows() / LEAST_PART);
      if (least <= c.queries().to()) {
        list.add(new Choice(c.schedule(), new Lengths(least, c.queries().to())));
      }
    }
    return list;
  }

  /**
   * The schedules whose items hold the rows of all query heads of a group, fewest rows first. They
   * are for queries that leave most of every other schedule's tile idle.
   */
  public static List<Choice> packed(AttentionSpec spec, Target target, Dtype dtype, HeadDim dim) {
    if (PackHeads.refuses(spec).isPresent()) {
      return List.of();
    }
    int rows = choose(spec, target, dtype, dim, OptionalInt.of(1)).rows();
    int widest = Math.max(dim.qk(), dim.v());
    boolean light = light(spec);
    List<Integer> cols =
        light
            ? plain(spec)
                ? List.of(128, 96, 64, 48)
                : widest <= 128 ? List.of(80, 64, 48) : List.of(64, 48)
            : widest <= 128 ? List.of(80, 48) : List.of(48);
    // What heavy specs keep besides fits the registers of one consumer only.
    return Stream.of(1, 2)
        .limit(light ? 2 : 1)
        .flatMap(consumers -> packed(target, dim, cols, consumers).stream())
        .map(s -> new Choice(s, new Lengths(1, rows - 1)))
        .toList();
  }

  /**
   * The widest and deepest tiles that fit: what is loaded ahead hides the latency of memory. The
   * queries of an item are so few that no tile is empty for one consumer only.
   */
  private static Optional<Schedule.Hopper> packed(
      Target target, HeadDim dim, List<Integer> widths, int consumers) {
    for (int cols : widths) {
      for (int stages = 4; stages >= 2; stages--) {
        Schedule.Hopper s =
            new Schedule.Hopper(
                cols,
                consumers,
                stages,
                false,
                Output.DIRECT,
                false,
                false,
                true,
                true,
                LAZY,
                "few queries of a head");
        if (fits(target, dim, s)) {
          return Optional.of(s);
        }
      }
    }
    return Optional.empty();
  }

  /**
   * A score that is evaluated at every element, and limits that a row gathers, take the registers
   * that would hold Q, and more than threads have where there are four consumers. So do masks that
   * gather much by key, where there are three.
   */
  private static Schedule.Hopper suited(AttentionSpec spec, Schedule.Hopper s) {
    boolean plain = plain(spec) && !gathers(spec.mask().expr(), Position.Q);
    if (!plain && s.consumers() == 4) {
      return schedule(80, 3, 3, false, Output.OWN, "head dim up to 64, evaluated score or limits");
    }
    boolean much = gathersMuch(spec.mask().expr());
    if (much && s.consumers() == 3) {
      return schedule(64, 3, s.stages(), false, s.output(), "mask of many gathers");
    }
    int scores = Exprs.keyGathers(clause(spec)).size();
    if (s.consumers() == 2 && (much || scores > 1)) {
      return s.tiles(Math.min(80, s.cols()), 2, "many gathers");
    }
    if (s.consumers() == 2 && Exprs.distinct(spec.mask().expr()) > MUCH) {
      return s.tiles(Math.min(80, s.cols()), 2, "mask of many operations");
    }
    if (s.consumers() == 2 && scores == 1) {
      return s.tiles(Math.min(112, s.cols()), 2, "score of gathers");
    }
    return plain ? s : s.queryInShared();
  }

  private static boolean gathers(Expr e, Position position) {
    return Exprs.uses(e, x -> x instanceof Expr.Gather && Exprs.uses(x, position));
  }

  /** Whether an element needs its own number of a tensor, or several of its key. */
  private static boolean gathersMuch(Expr e) {
    List<Expr.Gather> byKey = Exprs.keyGathers(e);
    return byKey.size() > 1 || byKey.stream().anyMatch(g -> Exprs.uses(g, Position.Q));
  }

  /** Whether scores are the products times a factor, so that none is evaluated by element. */
  private static boolean plain(AttentionSpec spec) {
    return spec.normalization() instanceof Normalization.Softmax && ScoreFactor.plain(spec);
  }

  /**
   * The schedule for a query length.
   *
   * @param length none: thousands of rows
   */
  public static Schedule.Hopper choose(
      AttentionSpec spec, Target target, Dtype dtype, HeadDim dim, OptionalInt length) {
    return choices(spec, target, dtype, dim).stream()
        .filter(c -> c.queries().contains(length.orElse(THOUSANDS)))
        .findFirst()
        .orElseThrow(() -> new IllegalStateException("no schedule for length " + length))
        .schedule();
  }

  /**
   * The next schedule with more registers to spare: Q goes to shared memory, then tiles have fewer
   * keys, then an item has fewer consumers; those of the last consumer may be narrower still. Empty
   * past the narrowest.
   */
  public static Optional<Schedule.Hopper> narrower(Target target, HeadDim dim, Schedule.Hopper s) {
    Stream<Schedule.Hopper> shared =
        s.queryInRegisters() ? Stream.of(s.queryInShared()) : Stream.empty();
    Stream<Schedule.Hopper> fewer =
        IntStream.rangeClosed(1, s.consumers())
            .map(i -> s.consumers() + 1 - i)
            .boxed()
            .flatMap(consumers -> widths(s.queryInShared(), consumers, NARROWEST));
    return Stream.of(shared, fewer, widths(s.queryInShared(), s.consumers(), LAST_RESORT))
        .flatMap(next -> next)
        .filter(n -> fits(target, dim, n))
        .findFirst();
  }

  private static Stream<Schedule.Hopper> widths(Schedule.Hopper s, int consumers, int least) {
    int widest = consumers == s.consumers() ? s.cols() - STEP : WIDEST_AGAIN;
    return IntStream.iterate(widest, cols -> cols >= least, cols -> cols - STEP)
        .mapToObj(cols -> s.tiles(cols, consumers, "registers for what elements need"));
  }

  private static List<Choice> byRules(Target target, HeadDim dim, boolean light) {
    Schedule.Hopper few = rule(target, dim, light, true);
    Schedule.Hopper many = rule(target, dim, light, false);
    return few.equals(many)
        ? List.of(new Choice(many, Lengths.ALL))
        : List.of(
            new Choice(few, new Lengths(1, SHORT)),
            new Choice(many, new Lengths(SHORT + 1, Shape.MAX_SEQ)));
  }

  private static Schedule.Hopper rule(Target target, HeadDim dim, boolean light, boolean few) {
    return candidates(dim, light, few).stream()
        .filter(s -> fits(target, dim, s))
        .findFirst()
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "no schedule for head dim " + dim + " fits " + target.ptxName()));
  }

  /**
   * Whether elements are computed from what registers hold anyway. Gathers by key, and masks that
   * are no range of keys per row, need registers of their own: narrower tiles leave them.
   */
  private static boolean light(AttentionSpec spec) {
    return !gathers(clause(spec), Position.KV) && KvBounds.ofRow(spec).isPresent();
  }

  private static Expr clause(AttentionSpec spec) {
    return switch (spec.normalization()) {
      case Normalization.Softmax s -> spec.score().expr();
      case Normalization.Weight w -> w.weight().expr();
    };
  }

  private static boolean supported(int dim) {
    return dim >= 8 && dim <= 256 && dim % 8 == 0;
  }

  /**
   * The schedules of a head dimension, best first.
   *
   * @param few for queries up to {@link #SHORT}
   */
  static List<Schedule.Hopper> candidates(HeadDim dim, boolean light, boolean few) {
    int widest = Math.max(dim.qk(), dim.v());
    List<Schedule.Hopper> list = new ArrayList<>();
    if (widest <= 64) {
      if (light) {
        list.add(schedule(64, 4, 3, false, Output.OWN, "head dim up to 64"));
      }
      list.add(schedule(80, 3, 3, false, Output.OWN, "head dim up to 64, gathers"));
    } else if (widest <= 96 && light && !few) {
      list.add(schedule(96, 3, 3, false, Output.OWN, "head dim up to 96"));
    } else if (widest <= 128) {
      if (light && few) {
        list.add(schedule(128, 2, 2, true, Output.OWN, "head dim up to 128, short"));
      }
      if (light) {
        list.add(schedule(80, 3, 3, false, Output.OWN, "head dim up to 128"));
      }
      if (!light) {
        list.add(schedule(128, 2, 2, false, Output.OWN, "head dim up to 128, gathers"));
      }
      list.add(schedule(80, 2, 2, false, Output.OWN, "head dim up to 128"));
    } else if (light) {
      if (dim.v() <= 128 && !few) {
        list.add(schedule(80, 3, 2, false, Output.QUERY, "head dim up to 192 and 128"));
      }
      list.add(schedule(128, 2, 2, false, Output.QUERY, "head dim up to 256, small tiles of V"));
      list.add(schedule(96, 2, 2, false, Output.QUERY, "head dim up to 192"));
      list.add(schedule(64, 2, 2, false, Output.QUERY, "head dim up to 256"));
    }
    list.add(schedule(48, 2, 2, false, Output.QUERY, "head dim up to 256, gathers"));
    return list;
  }

  private static Schedule.Hopper schedule(
      int cols, int consumers, int stages, boolean inRegisters, Output output, String why) {
    boolean wide = output == Output.QUERY;
    return new Schedule.Hopper(
        cols, consumers, stages, inRegisters, output, wide, true, true, LAZY, why);
  }

  /**
   * Whether a schedule's tiles fit the shared memory and registers of a target. An accumulator must
   * fit what threads have at the start: the assembler refuses a wider instruction even where {@code
   * setmaxnreg} has given more.
   */
  public static boolean fits(Target target, HeadDim dim, Schedule.Hopper s) {
    return HopperLayout.of(dim, s).bytes() <= target.sharedBytesPerBlock()
        && registers(dim, s) <= Registers.of(s).consumer()
        && dim.v() / 2 + OTHER_REGISTERS <= Registers.of(s).entry();
  }

  /** Registers of a consumer thread besides what it needs under a schedule. */
  static int spare(HeadDim dim, Schedule.Hopper s, Registers registers) {
    return registers.consumer() - registers(dim, s);
  }

  /** Registers that a consumer thread needs under a schedule. */
  static int registers(HeadDim dim, Schedule.Hopper s) {
    int output = dim.v() / 2;
    int scores = s.cols() / 2;
    int weights = s.cols() / 4;
    int query = s.queryInRegisters() ? 4 * Math.ceilDiv(dim.qk(), 16) : 0;
    return output + scores + weights + query + OTHER_REGISTERS;
  }
}
