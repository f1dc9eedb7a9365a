package dev.attune.proof;

import dev.attune.compiler.spec.HeadDim;
import dev.attune.ptx.emulate.EmulatorOptions;
import dev.attune.runtime.Device;
import dev.attune.runtime.emulated.EmulatedDevice;
import java.util.Optional;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;

class EmulatedRandomSpecsTest extends RandomSpecs {

  @Override
  Arbitrary<Plan> plans(HeadDim dim) {
    return Arbitraries.just(Plan.AMPERE);
  }

  @Override
  Optional<String> failure(Planned planned) {
    Trial trial = planned.trial();
    long seed = trial.problem().seed();
    EmulatorOptions options =
        EmulatedProofTest.schedule(seed, EmulatorOptions.defaults().threads());
    try (Device device = EmulatedDevice.open(options)) {
      return trial
          .failure(device, planned.plan())
          .map(wrong -> wrong + "\nscheduled by " + options);
    }
  }
}
