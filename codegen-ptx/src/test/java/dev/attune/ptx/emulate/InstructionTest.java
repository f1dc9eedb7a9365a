package dev.attune.ptx.emulate;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Each instruction form gives its exact result, in a full warp and in half of one. */
final class InstructionTest {
  static List<InstructionCases.Case> cases() {
    return InstructionCases.all();
  }

  @ParameterizedTest
  @MethodSource("cases")
  void givesTheExactResult(InstructionCases.Case test) {
    for (boolean half : new boolean[] {false, true}) {
      EmulatedMemory memory = new EmulatedMemory();
      long in = memory.allocate(16);
      memory.write(in, Kernels.bytes(test.inputs().stream().mapToInt(Integer::intValue).toArray()));
      long out = memory.allocate(256);
      EmulatedModule.parse(InstructionCases.module(test, half))
          .entry("k")
          .launch(
              memory,
              new LaunchConfig(
                  Dim3.of(1),
                  Dim3.of(32),
                  0,
                  List.of(OutputRegion.contiguous("out", out, 256)),
                  Kernels.options()),
              Kernels.parameters(in, out));
      int[] found = Kernels.words(memory, out, 64);
      for (int lane = 0; lane < 32; lane++) {
        boolean skipped = half && lane % 2 == 1;
        assertEquals(hex(skipped ? 0 : test.low()), hex(found[lane]), "low, lane " + lane);
        assertEquals(hex(skipped ? 0 : test.high()), hex(found[32 + lane]), "high, lane " + lane);
      }
    }
  }

  private static String hex(int value) {
    return Integer.toHexString(value);
  }
}
