package dev.attune.proof;

import dev.attune.compiler.spec.HeadDim;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;

/** Random specs in random schedules of the Hopper family. */
class EmulatedHopperRandomSpecsTest extends EmulatedRandomSpecsTest {

  @Override
  Arbitrary<Plan> plans(HeadDim dim) {
    return Arbitraries.of(HopperDraws.all(dim)).map(Plan::hopper);
  }
}
