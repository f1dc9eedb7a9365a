package dev.attune.proof;

import dev.attune.ptx.emulate.EmulatorOptions;
import dev.attune.runtime.Device;
import dev.attune.runtime.emulated.EmulatedDevice;
import java.util.Optional;

class EmulatedRandomSpecsTest extends RandomSpecs {

  @Override
  Optional<String> failure(Trial trial) {
    long seed = trial.problem().seed();
    EmulatorOptions options =
        EmulatedProofTest.schedule(seed, EmulatorOptions.defaults().threads());
    try (Device device = EmulatedDevice.open(options)) {
      return trial.failure(device).map(wrong -> wrong + "scheduled by " + options);
    }
  }
}
