package dev.attune.proof;

import org.junit.jupiter.api.Tag;

/** Coordinates of tensor maps instead of addresses. */
@Tag("gpu")
class CudaHopperFarTensorsTest extends CudaFarTensorsTest {
  @Override
  Plan plan() {
    return Plan.HOPPER;
  }
}
