package dev.attune.compiler.pass;

import dev.attune.compiler.random.Case;
import dev.attune.compiler.random.Exactness;
import dev.attune.compiler.random.SpecGenerator;
import dev.attune.compiler.schedule.Schedule;
import dev.attune.compiler.tile.Lowering;
import dev.attune.compiler.tile.TileKernel;
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
  Arbitrary<Schedule> schedules() {
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

  @Property(tries = 200, edgeCases = EdgeCasesMode.NONE)
  void everyStageEqualsTheReference(
      @ForAll("cases") Case problem, @ForAll("schedules") Schedule schedule) {
    Exactness reference = new Exactness(problem);
    TileKernel kernel =
        Lowering.forward(problem.spec(), problem.dtype(), problem.shape().headDim(), schedule);
    reference.check("lowering", kernel);
    Pipeline.run(
        Pipeline.ampere(schedule), kernel, (pass, result) -> reference.check(pass.name(), result));
  }
}
