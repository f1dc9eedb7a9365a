package dev.attune.proof;

import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;

/** Coordinates of tensor maps instead of addresses. */
@Tag("gpu")
class CudaHopperFarTensorsTest extends CudaFarTensorsTest {
  @BeforeAll
  static void assume() {
    HopperDevice.assume();
  }

  @Override
  Plan plan() {
    return Plan.HOPPER;
  }
}
