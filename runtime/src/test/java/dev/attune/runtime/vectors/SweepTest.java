package dev.attune.runtime.vectors;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.attune.ptx.Inst.FloatUnary;
import dev.attune.runtime.emulated.EmulatedDevice;
import dev.attune.runtime.emulated.EmulatedMachine;
import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The emulator rounds approximate functions correctly, and their errors are measured rightly. */
class SweepTest {
  private static final int CHUNK = 1 << 12;

  static Stream<FloatUnary> functions() {
    return Arrays.stream(FloatUnary.values()).filter(Approximation::applies);
  }

  @ParameterizedTest
  @MethodSource("functions")
  void theEmulatorRoundsCorrectly(FloatUnary op) {
    // From −0 on, around the least normal number, around 1 and −1, and where infinity ends.
    for (long first :
        new long[] {
          0x8000_0000L, 0x007F_F800L, 0x3F7F_F800L, 0xBF7F_F800L, 0x4280_0000L, 0x7F7F_F800L
        }) {
      Errors errors = errors(op, first);
      assertTrue(errors.asStated(), () -> op.ptx() + ": " + errors);
      assertTrue(errors.ulps().size() < 0.51, () -> op.ptx() + ": " + errors);
    }
  }

  private static Errors errors(FloatUnary op, long first) {
    try (EmulatedDevice device = EmulatedDevice.open()) {
      return Sweep.errors(EmulatedMachine.of(device), op, first, 2 * CHUNK, CHUNK);
    }
  }

  @Test
  void everyArgumentIsLookedAtOnce() {
    assertEquals(2 * CHUNK, errors(FloatUnary.EX2, 0).seen());
    // Sines are stated up to 2π, which the number next to it exceeds.
    int past = Float.floatToRawIntBits((float) (2 * Math.PI));
    assertEquals(6_089, errors(FloatUnary.SIN, past - 6_089L).seen());
  }

  @Test
  void errorsAreMeasured() {
    Approximation reciprocal = Approximation.of(FloatUnary.RCP_APPROX);
    int one = Float.floatToRawIntBits(1f);
    int[] exact = {
      one,
      Float.floatToRawIntBits((float) (1 / (1 + 0x1p-23))),
      Float.floatToRawIntBits((float) (1 / (1 + 0x1p-22)))
    };
    Errors none = Errors.of(reciprocal, one, Values.bytes(exact));
    assertTrue(none.asStated() && none.ulps().size() < 0.5, none::toString);
    byte[] off = Values.bytes(exact[0], exact[1], exact[2] + 3);
    Errors some = Errors.of(reciprocal, one, off);
    assertEquals(1, some.beyond(), some::toString);
    assertEquals(one + 2, some.example());
    assertEquals(one + 2, some.ulps().argument());
    assertEquals(3, some.ulps().size(), 0.5);
    assertFalse(some.asStated());
    assertEquals(some, Errors.NONE.and(some));
  }

  @Test
  void aMissingNanIsWrong() {
    Approximation root = Approximation.of(FloatUnary.RSQRT);
    Errors errors = Errors.of(root, Float.floatToRawIntBits(-1f), Values.bytes(0, 0x7FC0_0000));
    assertEquals(1, errors.wrong(), errors::toString);
    assertEquals(2, errors.seen());
  }
}
