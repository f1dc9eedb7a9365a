package dev.attune.cli.measure;

import dev.attune.compiler.schedule.Schedule.Hopper;
import dev.attune.compiler.schedule.Schedule.Hopper.Output;
import dev.attune.compiler.schedule.Target;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.ptx.hopper.HopperSchedules;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Schedules of the Hopper family to be tried: first the tiles, with the rest as the family's rules
 * have it, then everything else around the fastest tiles.
 */
public final class Candidates {
  private static final int WIDEST = 176;
  private static final int NARROWEST = 32;
  private static final int STEP = 16;

  private Candidates() {}

  /** Every shape of tiles that fits, each with as many stages as fit up to 3; the rules' first. */
  public static List<Hopper> tiles(Target target, HeadDim dim, Hopper rules) {
    Set<Hopper> found = new LinkedHashSet<>();
    found.add(rules);
    for (int consumers = 4; consumers >= 1; consumers--) {
      for (int cols = WIDEST; cols >= NARROWEST; cols -= STEP) {
        for (boolean inRegisters : new boolean[] {false, true}) {
          int c = cols;
          int n = consumers;
          List<Output> outputs =
              inRegisters ? List.of(Output.OWN) : List.of(Output.OWN, Output.QUERY);
          Stream.of(3, 2)
              .flatMap(
                  stages ->
                      outputs.stream()
                          .map(output -> tile(rules, c, n, stages, inRegisters, output)))
              .filter(s -> HopperSchedules.fits(target, dim, s))
              .findFirst()
              .filter(s -> !sameTile(s, rules))
              .ifPresent(found::add);
        }
      }
    }
    return List.copyOf(found);
  }

  /** What differs from a schedule in one thing besides its tile, and fits. */
  public static List<Hopper> variations(Target target, HeadDim dim, Hopper s) {
    Stream<Hopper> rings =
        Stream.of(2, 3, 4)
            .map(n -> tile(s, s.cols(), s.consumers(), n, s.queryInRegisters(), s.output()));
    Stream<Hopper> outputs =
        Stream.of(Output.values())
            .filter(output -> !(s.queryInRegisters() && output == Output.QUERY))
            .map(o -> tile(s, s.cols(), s.consumers(), s.stages(), s.queryInRegisters(), o));
    Stream<Hopper> flags =
        Stream.of(
            flags(s, !s.rescaleFirst(), s.skipEmpty(), s.integerMax()),
            flags(s, s.rescaleFirst(), !s.skipEmpty(), s.integerMax()),
            flags(s, s.rescaleFirst(), s.skipEmpty(), !s.integerMax()));
    return Stream.of(rings, outputs, flags)
        .flatMap(x -> x)
        .filter(x -> !x.equals(s) && HopperSchedules.fits(target, dim, x))
        .toList();
  }

  private static Hopper tile(
      Hopper s, int cols, int consumers, int stages, boolean inRegisters, Output output) {
    return new Hopper(
        cols,
        consumers,
        stages,
        inRegisters,
        output,
        s.rescaleFirst(),
        s.skipEmpty(),
        s.integerMax(),
        s.lazyThreshold(),
        s.why());
  }

  private static Hopper flags(
      Hopper s, boolean rescaleFirst, boolean skipEmpty, boolean integerMax) {
    return new Hopper(
        s.cols(),
        s.consumers(),
        s.stages(),
        s.queryInRegisters(),
        s.output(),
        rescaleFirst,
        skipEmpty,
        integerMax,
        s.lazyThreshold(),
        s.why());
  }

  private static boolean sameTile(Hopper a, Hopper b) {
    return a.cols() == b.cols()
        && a.consumers() == b.consumers()
        && a.queryInRegisters() == b.queryInRegisters();
  }
}
