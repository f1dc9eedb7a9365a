package dev.attune.ptx.emulate;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.function.IntUnaryOperator;
import org.junit.jupiter.api.Test;

/** Exchanges within a warp, and the widths of memory accesses. */
final class ExchangeTest {

  private static void shuffles(String code, IntUnaryOperator from, IntUnaryOperator inside) {
    int[] out =
        Kernels.run(
            "add.u32 %r1, %r0, 100; shfl.sync."
                + code
                + "; selp.b32 %r3, 1, 0, %p1;"
                + " st.global.u32 [%rd4], %r2; st.global.u32 [%rd4+128], %r3;",
            32,
            64);
    for (int lane = 0; lane < 32; lane++) {
      assertEquals(100 + from.applyAsInt(lane), out[lane], code + ", lane " + lane);
      assertEquals(inside.applyAsInt(lane), out[32 + lane], code + ", lane " + lane);
    }
  }

  @Test
  void shuffles() {
    shuffles("bfly.b32 %r2|%p1, %r1, 3, 31, -1", lane -> lane ^ 3, lane -> 1);
    shuffles("idx.b32 %r2|%p1, %r1, 5, 31, -1", lane -> 5, lane -> 1);
    shuffles(
        "up.b32 %r2|%p1, %r1, 2, 0, -1",
        lane -> lane < 2 ? lane : lane - 2, lane -> lane < 2 ? 0 : 1);
    shuffles(
        "down.b32 %r2|%p1, %r1, 2, 31, -1",
        lane -> lane > 29 ? lane : lane + 2, lane -> lane > 29 ? 0 : 1);
    // Segments of eight lanes: c has the segment mask 24 above the clamp 31.
    shuffles("idx.b32 %r2|%p1, %r1, 5, 0x181f, -1", lane -> (lane & 24) + 5, lane -> 1);
    shuffles(
        "down.b32 %r2|%p1, %r1, 2, 0x181f, -1",
        lane -> lane % 8 > 5 ? lane : lane + 2, lane -> lane % 8 > 5 ? 0 : 1);
  }

  private static int first(String code) {
    return Kernels.run(
        "setp.lt.u32 %p1, %r0, 5; mov.u32 %r2, 0;"
            + code
            + " setp.ne.u32 %p9, %r0, 0; @!%p9 st.global.u32 [%rd1], %r2;",
        32,
        1)[0];
  }

  @Test
  void votes() {
    assertEquals(31, first("vote.sync.ballot.b32 %r2, %p1, -1;"));
    assertEquals(~31, first("vote.sync.ballot.b32 %r2, !%p1, -1;"));
    assertEquals(1, first("vote.sync.any.pred %p2, %p1, -1; selp.b32 %r2, 1, 0, %p2;"));
    assertEquals(0, first("vote.sync.all.pred %p2, %p1, -1; selp.b32 %r2, 1, 0, %p2;"));
    assertEquals(0, first("vote.sync.uni.pred %p2, %p1, -1; selp.b32 %r2, 1, 0, %p2;"));
    assertEquals(31, first("@%p1 activemask.b32 %r2;"));
    assertEquals(31, first("@%p1 vote.sync.ballot.b32 %r2, 1, 31;"));
  }

  @Test
  void reduces() {
    assertEquals(496, first("redux.sync.add.u32 %r2, %r0, -1;"));
    assertEquals(31, first("redux.sync.max.u32 %r2, %r0, -1;"));
    assertEquals(-15, first("sub.u32 %r3, %r0, 15; redux.sync.min.s32 %r2, %r3, -1;"));
    assertEquals(31, first("redux.sync.or.b32 %r2, %r0, -1;"));
    assertEquals(0, first("redux.sync.and.b32 %r2, %r0, -1;"));
  }

  private static int[] stored(String code, int words, int... input) {
    return Kernels.run(code, 1, words, input);
  }

  @Test
  void loadsExtendAndStoresCut() {
    int[] in = {0x8081_8283, 0x0102_0304, 0x1122_3344, 0x5566_7788};
    assertEquals(0x83, stored("ld.global.u8 %r1, [%rd0]; st.global.u32 [%rd1], %r1;", 1, in)[0]);
    assertEquals(-127, stored("ld.global.s8 %r1, [%rd0+2]; st.global.u32 [%rd1], %r1;", 1, in)[0]);
    assertEquals(
        0x8081, stored("ld.global.u16 %r1, [%rd0+2]; st.global.u32 [%rd1], %r1;", 1, in)[0]);
    assertEquals(
        (short) 0x8081,
        stored("ld.global.s16 %r1, [%rd0+2]; st.global.u32 [%rd1], %r1;", 1, in)[0]);
    int[] wide = stored("ld.global.s32 %rd5, [%rd0]; st.global.u64 [%rd1], %rd5;", 2, in);
    assertEquals(-1, wide[1]);
    int[] pair =
        stored(
            "ld.global.v2.u64 {%rd5, %rd6}, [%rd0]; st.global.v2.u64 [%rd1], {%rd6, %rd5};", 4, in);
    assertEquals(0x1122_3344, pair[0]);
    assertEquals(0x0102_0304, pair[3]);
    int[] bytes =
        stored(
            "mov.u32 %r1, 0x12345678; st.global.u8 [%rd1], %r1; st.global.u8 [%rd1+1], %r1;"
                + " st.global.b16 [%rd1+2], %r1;",
            1);
    assertEquals(0x5678_7878, bytes[0]);
    int[] halves =
        stored(
            "ld.global.v4.u16 {%h1, %h2, %h3, _}, [%rd0]; st.global.v2.b16 [%rd1], {%h3, %h1};",
            1, in);
    assertEquals(0x8283_0304, halves[0]);
  }

  @Test
  void sharedMemoryHoldsEveryWidth() {
    int[] out =
        stored(
            """
            .shared .align 16 .b8 smem[32]; .shared .align 8 .b64 other;
            mov.u32 %r1, smem; mov.u32 %r2, 0x11223344; mov.u32 %r3, other;
            st.shared.u8 [smem+1], %r2; st.shared.b16 [%r1+2], %r2;
            st.shared.v2.u32 [%r1+8], {%r2, %r3}; st.shared.u64 [%r3], 7;
            ld.shared.u8 %r4, [%r1+1]; ld.shared.s16 %r5, [smem+2];
            ld.shared.u64 %rd5, [%r1+8]; ld.shared.u32 %r6, [other];
            st.global.u32 [%rd1], %r4; st.global.u32 [%rd1+4], %r5; st.global.u64 [%rd1+8], %rd5;
            st.global.u32 [%rd1+16], %r6;
            """,
            5);
    assertEquals(0x44, out[0]);
    assertEquals(0x3344, out[1]);
    assertEquals(0x1122_3344, out[2]);
    assertEquals(32, out[3]);
    assertEquals(7, out[4]);
  }
}
