package dev.attune.ptx.emulate;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

final class SmokeTest {
  @Test
  void add() {
    int[] out = Kernels.run("ld.global.u32 %r1, [%rd3]; add.s32 %r2, %r1, %r0; st.global.u32 [%rd4], %r2;", 32, 32, new int[32]);
    for (int i = 0; i < 32; i++) {
      assertEquals(i, out[i]);
    }
  }
}
