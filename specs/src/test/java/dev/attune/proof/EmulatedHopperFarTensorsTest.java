package dev.attune.proof;

/** Coordinates of tensor maps instead of addresses. */
class EmulatedHopperFarTensorsTest extends EmulatedFarTensorsTest {
  @Override
  Plan plan() {
    return Plan.HOPPER;
  }
}
