package dev.attune.proof;

import dev.attune.runtime.Device;

/** Emulated memory takes space only where it is written. */
class EmulatedFarTensorsTest extends FarTensors {
  @Override
  Device open() {
    return Device.open("emulated");
  }
}
