package dev.attune.proof;

import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;

/** The proof of the Hopper family on the first CUDA device, of compute capability 9.0. */
@Tag("gpu")
class CudaHopperProofTest extends CudaProofTest {

  @BeforeAll
  static void assume() {
    HopperDevice.assume();
  }

  @Override
  Plan plan() {
    return Plan.HOPPER;
  }
}
