package dev.attune.proof;

import dev.attune.runtime.Device;
import org.junit.jupiter.api.Tag;

@Tag("gpu")
class CudaFarTensorsTest extends FarTensors {
  @Override
  Device open() {
    return Device.open("cuda");
  }
}
