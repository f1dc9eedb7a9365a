package dev.attune.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.attune.runtime.cuda.CudaProbe;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

class CudaProbeTest {
  @Test
  void eitherADeviceOrAReason() {
    CudaProbe probe = CudaProbe.probe();
    assertEquals(probe.usable().isEmpty(), probe.problem().isPresent());
  }

  @Test
  void withoutADeviceTheErrorIsOneSentence() {
    CudaProbe probe = CudaProbe.probe();
    Assumptions.assumeTrue(probe.usable().isEmpty());
    String message =
        String.valueOf(assertThrows(DeviceException.class, () -> Device.open("cuda")).getMessage());
    assertTrue(message.startsWith("no CUDA device: "), message);
    assertTrue(message.endsWith("use the emulated device"), message);
    assertEquals(1, message.lines().count());
    try (Device device = Device.open("auto")) {
      assertEquals(DeviceInfo.Kind.EMULATED, device.info().kind());
    }
  }
}
