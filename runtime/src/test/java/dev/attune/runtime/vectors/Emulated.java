package dev.attune.runtime.vectors;

import dev.attune.runtime.emulated.EmulatedDevice;
import dev.attune.runtime.emulated.EmulatedMachine;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** The emulator's answers, each computed once in a run of the tests. */
final class Emulated {
  private static final Map<GoldenCase, byte[]> OUTPUTS = new ConcurrentHashMap<>();

  private Emulated() {}

  static byte[] output(GoldenCase test) {
    return OUTPUTS.computeIfAbsent(test, Emulated::run);
  }

  private static byte[] run(GoldenCase test) {
    try (EmulatedDevice device = EmulatedDevice.open()) {
      return EmulatedMachine.of(device).run(test);
    }
  }
}
