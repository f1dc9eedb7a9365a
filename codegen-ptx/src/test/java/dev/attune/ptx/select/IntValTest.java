package dev.attune.ptx.select;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.attune.ptx.Reg;
import org.junit.jupiter.api.Test;

final class IntValTest {
  private static final Reg NARROW = new Reg(Reg.Kind.B32, 0);
  private static final Reg WIDE = new Reg(Reg.Kind.B64, 0);

  @Test
  void narrowOffsetsStayIn32Bits() {
    assertEquals(
        40_000_000_000L - 9 * (1L << 32), IntVal.of(NARROW).plus(40_000_000_000L).offset());
    assertEquals(-1, IntVal.of(NARROW).plus(0xFFFF_FFFFL).offset());
  }

  @Test
  void wideOffsetsAndConstantsAreKept() {
    assertEquals(40_000_000_000L, IntVal.of(WIDE).plus(40_000_000_000L).offset());
    assertEquals(40_000_000_000L, IntVal.of(40_000_000_000L).offset());
  }
}
