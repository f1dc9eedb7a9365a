package dev.attune.proof;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.attune.compiler.schedule.Target;
import dev.attune.runtime.Device;

/** The GPU that the Hopper family is for. */
final class HopperDevice {
  private HopperDevice() {}

  /** Skips the tests of the Hopper family on another GPU. */
  static void assume() {
    try (Device device = Device.open("cuda")) {
      assumeTrue(
          device.info().runs(Target.SM_90A),
          () -> device.info().name() + " does not run code for sm_90a");
    }
  }
}
