package dev.attune.ptx.emulate;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Registers that move between warpgroups, elected lanes, work that CTAs claim, and syntax. */
final class HopperControlTest {
  private static final String OUT =
      "mul.wide.u32 %rd4, %r0, 4; add.u64 %rd4, %rd4, %rd3; st.global.u32 [%rd4], %r5; ";

  private static String failure(String body, int threads) {
    return assertThrows(EmulationException.class, () -> HopperKernels.run(body, threads, threads))
        .getMessage();
  }

  private static void assertContains(String message, String... parts) {
    for (String part : parts) {
      assertTrue(message.contains(part), () -> "'" + part + "' is not in: " + message);
    }
  }

  /** The first warpgroup gives registers up, the others take more. */
  private static String roles(String producer, String consumer) {
    return "setp.lt.u32 %p1, %r0, 128; mov.u32 %r5, 1; @%p1 bra PRODUCER; setmaxnreg."
        + consumer
        + "; bra DONE; PRODUCER: setmaxnreg."
        + producer
        + "; DONE: "
        + OUT;
  }

  @ParameterizedTest
  @CsvSource({"384, 24, 240", "512, 32, 160", "640, 24, 112"})
  void registersMoveBetweenWarpgroups(int threads, int few, int many) {
    String dec = "dec.sync.aligned.u32 " + few;
    String inc = "inc.sync.aligned.u32 " + many;
    int[] ones = new int[threads];
    Arrays.fill(ones, 1);
    assertArrayEquals(ones, HopperKernels.run(roles(dec, inc), threads, threads));
    String more = "inc.sync.aligned.u32 " + (many + 8);
    assertContains(
        failure(roles(dec, more), threads),
        "deadlock",
        "waits for registers",
        "setmaxnreg.inc.sync.aligned.u32 " + (many + 8));
    assertContains(
        failure(roles("dec.sync.aligned.u32 " + (few + 40), inc), threads), "waits for registers");
  }

  @Test
  void registersAreChangedByWholeWarpgroups() {
    String dec = "setmaxnreg.dec.sync.aligned.u32 24; ";
    assertContains(failure(dec, 64), "setmaxnreg needs whole warpgroups of 128 threads");
    assertContains(
        failure("setp.lt.u32 %p1, %r0, 32; @%p1 bra DONE; " + dec + "DONE: ", 128),
        "setmaxnreg: in CTA (0, 0, 0) warp 0 has executed it 0 times, warp 1 of the same");
    assertContains(
        failure(
            "setp.lt.u32 %p1, %r0, 32; @%p1 bra OTHER; "
                + dec
                + "ret; OTHER: setmaxnreg.dec.sync.aligned.u32 32; ",
            128),
        "setmaxnreg to 24 registers, while warp 0 of the warpgroup has changed to 32");
    assertContains(
        failure("setmaxnreg.inc.sync.aligned.u32 24; ", 384),
        "setmaxnreg.inc to 24 registers of a warp that has 168");
    assertContains(
        failure("setmaxnreg.dec.sync.aligned.u32 176; ", 384),
        "setmaxnreg.dec to 176 registers of a warp that has 168");
    assertContains(
        failure("setp.lt.u32 %p1, %r0, 7; @%p1 setmaxnreg.dec.sync.aligned.u32 24;", 128),
        "divergent");
  }

  @Test
  void oneLaneIsElected() {
    String body =
        "elect.sync %r3|%p1, 0xffffffff; selp.u32 %r5, 100, 0, %p1; add.u32 %r5, %r5, %r3; " + OUT;
    int[] expected = new int[64];
    expected[0] = 100;
    expected[32] = 100;
    assertArrayEquals(expected, HopperKernels.run(body, 64, 64));
    String upper =
        "setp.lt.u32 %p2, %r2, 20; mov.u32 %r5, 0; @%p2 bra DONE;"
            + " elect.sync _|%p1, 0xfff00000; selp.u32 %r5, 1, 0, %p1; DONE: "
            + OUT;
    assertEquals(1, HopperKernels.run(upper, 32, 32)[20]);
    assertContains(failure(body.replace("0xffffffff", "0x0000ffff"), 32), "not in the member mask");
  }

  @Test
  void onRandomSchedulesAnotherLaneMayBeElected() {
    String body =
        "elect.sync _|%p1, 0xffffffff; selp.u32 %r5, 1, 0, %p1;"
            + " elect.sync _|%p2, 0xffffffff; selp.u32 %r3, 2, 0, %p2; add.u32 %r5, %r5, %r3; "
            + OUT;
    long lanes =
        IntStream.range(0, 20)
            .map(
                seed -> {
                  EmulatedMemory memory = new EmulatedMemory();
                  long out = memory.allocate(128);
                  launch(body, 1, memory, out, 0, seed, WarpOrder.RANDOM, 32);
                  int[] found = Kernels.words(memory, out, 32);
                  assertEquals(3, Arrays.stream(found).sum());
                  return Arrays.stream(found).boxed().toList().indexOf(3);
                })
            .distinct()
            .count();
    assertTrue(lanes > 5, "only " + lanes + " lanes are ever elected");
  }

  private static void launch(
      String body,
      int ctas,
      EmulatedMemory memory,
      long out,
      long counter,
      long seed,
      WarpOrder order,
      int words) {
    byte[] block = new byte[(2 * TensorMap.BYTES) + 16];
    java.nio.ByteBuffer.wrap(block)
        .order(java.nio.ByteOrder.LITTLE_ENDIAN)
        .putLong(2 * TensorMap.BYTES, counter)
        .putLong((2 * TensorMap.BYTES) + 8, out);
    HopperKernels.launch(
        body,
        ctas,
        32,
        memory,
        block,
        List.of(OutputRegion.contiguous("out", out, 4L * words)),
        HopperKernels.options(seed, AsyncPolicy.LATEST, order));
  }

  private static final int ITEMS = 40;

  /** Lane 0 claims items; the last CTA leaves both counters as it found them. */
  private static final String CLAIM =
      """
      setp.ne.u32 %p0, %r2, 0;
      @%p0 bra DONE;
      mov.u32 %r10, %nctaid.x;
      mov.u32 %r3, %ctaid.x;
      NEXT:
      setp.ge.u32 %p1, %r3, ITEMS;
      @%p1 bra END;
      mul.wide.u32 %rd4, %r3, 4;
      add.u64 %rd4, %rd4, %rd3;
      st.global.u32 [%rd4], %r3;
      atom.global.add.u32 %r3, [%rd2], 1;
      add.u32 %r3, %r3, %r10;
      bra NEXT;
      END:
      fence.acq_rel.gpu; // passes on
      sub.u32 %r11, %r10, 1;
      atom.global.inc.u32 %r4, [%rd2+4], %r11;
      setp.ne.u32 %p2, %r4, %r11;
      @%p2 bra DONE;
      membar.gl; // takes over
      mov.u32 %r5, 0;
      st.global.u32 [%rd2], %r5;
      DONE:
      """
          .replace("ITEMS", "" + ITEMS);

  private static int[] claim(String body, int ctas, int seed, WarpOrder order) {
    EmulatedMemory memory = new EmulatedMemory();
    long counter = memory.allocate(8);
    memory.fill(counter, 8, (byte) 0);
    for (int launch = 0; launch < 2; launch++) {
      long out = memory.allocate(4 * ITEMS);
      launch(body, ctas, memory, out, counter, seed, order, ITEMS);
      int[] items = Kernels.words(memory, out, ITEMS);
      assertArrayEquals(IntStream.range(0, ITEMS).toArray(), items);
    }
    return Kernels.words(memory, counter, 2);
  }

  @ParameterizedTest
  @EnumSource(WarpOrder.class)
  void ctasShareWorkThroughACounter(WarpOrder order) {
    for (int seed = 0; seed < 5; seed++) {
      assertArrayEquals(new int[] {0, 0}, claim(CLAIM, 7, seed, order));
      assertArrayEquals(new int[] {0, 0}, claim(CLAIM, 1, seed, order));
    }
  }

  @Test
  void aCounterIsResetOnlyWhenAllAreDone() {
    for (String line : List.of("fence.acq_rel.gpu; // passes on", "membar.gl; // takes over")) {
      assertTrue(CLAIM.contains(line));
      assertContains(
          assertThrows(
                  EmulationException.class,
                  () -> claim(CLAIM.replace(line, ""), 7, 0, WarpOrder.ROUND_ROBIN))
              .getMessage(),
          "race: global store at",
          "of what atomics have updated");
    }
    assertContains(
        assertThrows(
                EmulationException.class,
                () -> claim(CLAIM.replace("@%p2 bra DONE;", ""), 7, 0, WarpOrder.ROUND_ROBIN))
            .getMessage(),
        "race: global");
    assertContains(
        assertThrows(
                EmulationException.class,
                () ->
                    claim(
                        CLAIM.replace("sub.u32 %r11, %r10, 1;", "mov.u32 %r11, %r10;"),
                        7,
                        0,
                        WarpOrder.ROUND_ROBIN))
            .getMessage(),
        "global");
  }

  @Test
  void vectorsOfFourWordsAreExchanged() {
    String body =
        "shl.b32 %r3, %r0, 4; add.u32 %r3, %r3, %r1; add.u32 %r4, %r0, 1; add.u32 %r5, %r0, 2;"
            + " add.u32 %r6, %r0, 3; st.shared.v4.b32 [%r3], {%r0, %r4, %r5, %r6};"
            + " bar.sync 0; xor.b32 %r7, %r0, 31; shl.b32 %r7, %r7, 4; add.u32 %r7, %r7, %r1;"
            + " ld.shared.v4.u32 {%r8, %r9, %r10, %r11}, [%r7]; shl.b32 %r5, %r8, 24;"
            + " shl.b32 %r9, %r9, 16; or.b32 %r5, %r5, %r9; shl.b32 %r10, %r10, 8;"
            + " or.b32 %r5, %r5, %r10; or.b32 %r5, %r5, %r11; "
            + OUT;
    assertEquals(0x1F202122, HopperKernels.run(body, 32, 32)[0]);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '~',
      textBlock =
          """
          mbarrier.arrive.shared::cta.b64 %rd5, [%r1]; ~ only the destination _ is supported
          mbarrier.test_wait.shared::cta.b64 %p1, [%r1], %rd5; ~ expected one of .init
          mbarrier.try_wait.shared::cta.b64 %p1, [%r1], %rd5; ~ expected .parity
          setmaxnreg.inc.sync.aligned.u32 20; ~ setmaxnreg takes 24 to 256 in steps of 8
          setmaxnreg.inc.sync.aligned.u32 28; ~ setmaxnreg takes 24 to 256 in steps of 8
          elect.sync %p1, 0xffffffff; ~ expected a register and a predicate
          createpolicy.fractional.L2::evict_last.b64 %rd5, 1.5; ~ expected a fraction
          createpolicy.fractional.L2::evict_last.b64 %rd5, 1; ~ expected a fraction
          fence.proxy.alias; ~ expected .async
          fence.mbarrier_init.release.gpu; ~ expected .cluster
          cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%r1], [%rd0, {%r2, %r2}], [%r1]; ~ expected one of .4d, .5d
          cp.async.bulk.tensor.4d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%r1], [%rd0, {%r2, %r2}], [%r1]; ~ expected 4 registers
          cp.async.bulk.tensor.4d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%r1], [%rd0], [%r1]; ~ expected a tensor map and coordinates
          cp.async.bulk.tensor.4d.shared::cluster.global.im2col.mbarrier::complete_tx::bytes [%r1], [%rd0, {%r2, %r2, %r2, %r2}], [%r1]; ~ expected .mbarrier::complete_tx::bytes
          cp.async.bulk.tensor.4d.global.shared::cta.tile.bulk_group [%rd0, {%r2, %r2, %r2, %r2}], [%r1], %rd5; ~ expected 2 operands
          cvta.param.u32 %r1, %r2; ~ expected .u64
          atom.global.inc.s32 %r1, [%rd0], 1; ~ only .u32
          """)
  void otherFormsAreRefused(String statement, String reason) {
    String message =
        assertThrows(
                PtxSyntaxException.class,
                () -> EmulatedModule.parse(HopperKernels.module(statement)))
            .getMessage();
    assertContains(message, reason);
  }
}
