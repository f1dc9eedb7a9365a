package dev.attune.compiler.pass;

import dev.attune.compiler.random.Case;
import dev.attune.compiler.random.Exactness;
import dev.attune.compiler.random.SpecGenerator;
import dev.attune.compiler.schedule.Schedule;
import dev.attune.compiler.schedule.Schedule.Hopper.Output;
import dev.attune.compiler.tile.Lowering;
import dev.attune.compiler.tile.TileKernel;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.Tuple;

/** Random specs on random problems: the lowering and every pass keep the meaning. */
class PassesPropertyTest {

  @Provide
  Arbitrary<Case> cases() {
    return SpecGenerator.cases();
  }

  @Provide
  Arbitrary<Schedule> ampere() {
    Arbitrary<Integer> extents =
        Arbitraries.frequencyOf(
            Tuple.of(3, Arbitraries.just(16)),
            Tuple.of(2, Arbitraries.just(32)),
            Tuple.of(1, Arbitraries.just(64)));
    return Combinators.combine(
            extents, extents, Arbitraries.integers().between(1, 3), Arbitraries.of(0, 1, 8))
        .as(
            (rows, cols, stages, lazy) ->
                new Schedule.Ampere(rows, cols, 1, stages, false, 1, lazy, "random"));
  }

  @Provide
  Arbitrary<Schedule.Hopper> hopper() {
    Arbitrary<Boolean> either = Arbitraries.of(false, true);
    Arbitrary<Integer> upToThree = Arbitraries.integers().between(1, 3);
    return Combinators.combine(
            Arbitraries.of(16, 32, 48),
            upToThree,
            upToThree,
            either,
            Arbitraries.of(Output.class),
            either,
            either,
            Arbitraries.of(0, 1, 8))
        .as(
            (cols, consumers, stages, inRegisters, output, rescaleFirst, skipEmpty, lazy) ->
                new Schedule.Hopper(
                    cols,
                    consumers,
                    stages,
                    inRegisters && output != Output.QUERY,
                    output,
                    rescaleFirst,
                    skipEmpty,
                    false,
                    lazy,
                    "random"));
  }

  @Property(tries = 200, edgeCases = EdgeCasesMode.NONE)
  void everyStageOfAmpereEqualsTheReference(
      @ForAll("cases") Case problem, @ForAll("ampere") Schedule schedule) {
    everyStageEqualsTheReference(problem, schedule);
  }

  @Property(tries = 150, edgeCases = EdgeCasesMode.NONE)
  void everyStageOfHopperEqualsTheReference(
      @ForAll("cases") Case problem, @ForAll("hopper") Schedule.Hopper schedule) {
    boolean packs =
        schedule.output() == Output.DIRECT && PackHeads.refuses(problem.spec()).isEmpty();
    everyStageEqualsTheReference(problem, packs ? schedule.pack() : schedule);
  }

  private static void everyStageEqualsTheReference(Case problem, Schedule schedule) {
    Exactness reference = new Exactness(problem);
    TileKernel kernel =
        Lowering.forward(problem.spec(), problem.dtype(), problem.shape().headDim(), schedule);
    reference.check("lowering", kernel);
    List<Pass> passes =
        switch (schedule) {
          case Schedule.Ampere ampere -> Pipeline.ampere(ampere);
          case Schedule.Hopper hopper -> Pipeline.hopper(hopper);
        };
    Pipeline.run(passes, kernel, (pass, result) -> reference.check(pass.name(), result));
  }
}
