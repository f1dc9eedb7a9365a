package dev.attune.proof;

import dev.attune.ptx.emulate.AsyncPolicy;
import dev.attune.ptx.emulate.EmulatorOptions;
import dev.attune.ptx.emulate.WarpOrder;
import dev.attune.runtime.Device;
import dev.attune.runtime.emulated.EmulatedDevice;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/** The proof on the emulator: each input on its own device with its own schedule. */
class EmulatedProofTest extends DeviceProof {

  @Override
  Plan plan() {
    return Plan.AMPERE;
  }

  @Override
  <T> List<String> each(List<T> inputs, Work<T> work) {
    return IntStream.range(0, inputs.size())
        .parallel()
        .mapToObj(
            i -> {
              try (Device device = EmulatedDevice.open(schedule(i, 1))) {
                return work.apply(inputs.get(i), device);
              }
            })
        .flatMap(Optional::stream)
        .toList();
  }

  /** Options that run through the policies and orders as the seed counts up. */
  static EmulatorOptions schedule(long seed, int threads) {
    AsyncPolicy[] policies = AsyncPolicy.values();
    WarpOrder[] orders = WarpOrder.values();
    return new EmulatorOptions(
        seed,
        policies[(int) (seed % policies.length)],
        orders[(int) (seed / policies.length % orders.length)],
        threads,
        EmulatorOptions.defaults().instructionLimit());
  }
}
