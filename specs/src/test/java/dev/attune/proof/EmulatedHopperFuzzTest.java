package dev.attune.proof;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.attune.runtime.Device;
import dev.attune.runtime.emulated.EmulatedDevice;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** A little of what a GPU does much of: all head dimensions, in any schedule. */
class EmulatedHopperFuzzTest {

  @Test
  void randomCasesEqualTheReference() {
    List<Fuzz.Subject> subjects = Fuzz.draw(2, Integer.getInteger("attune.fuzz.kernels", 16), 2);
    List<String> failures =
        IntStream.range(0, subjects.size())
            .parallel()
            .mapToObj(
                i -> {
                  try (Device device = EmulatedDevice.open(EmulatedProofTest.schedule(i, 1))) {
                    return subjects.get(i).failures(device);
                  }
                })
            .flatMap(List::stream)
            .toList();
    assertEquals(List.of(), failures);
  }
}
