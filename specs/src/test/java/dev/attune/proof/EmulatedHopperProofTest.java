package dev.attune.proof;

/** The proof of the Hopper family on the emulator. */
class EmulatedHopperProofTest extends EmulatedProofTest {

  @Override
  Plan plan() {
    return Plan.HOPPER;
  }
}
