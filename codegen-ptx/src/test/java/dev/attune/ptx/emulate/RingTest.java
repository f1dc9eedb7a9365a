package dev.attune.ptx.emulate;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * A kernel with a producer warp that fills a ring of two tiles by bulk copies, and a consumer warp
 * that adds one to each element and stores the tiles through a third: right under every schedule,
 * and each defect planted in its synchronisation is found.
 */
final class RingTest {
  private static final int TILES = 5;

  /**
   * Stages at 0 and 1024, the outgoing tile at 2048, barriers at 3072: full and empty, by stage.
   */
  private static final String KERNEL =
      """
      setp.ne.u32 %p0, %r0, 0;
      @%p0 bra INITIALISED;
      mbarrier.init.shared::cta.b64 [%r1+3072], 1;
      mbarrier.init.shared::cta.b64 [%r1+3080], 1;
      mbarrier.init.shared::cta.b64 [%r1+3088], 1;
      mbarrier.init.shared::cta.b64 [%r1+3096], 1;
      fence.mbarrier_init.release.cluster;
      INITIALISED:
      bar.sync 0;
      mov.u32 %r3, 0;
      mov.u32 %r4, 0;
      setp.ge.u32 %p1, %r0, 32;
      @%p1 bra CONSUMER;
      elect.sync _|%p2, 0xffffffff;
      @!%p2 bra DONE;
      mov.u32 %r5, 1;
      createpolicy.fractional.L2::evict_first.b64 %rd4, 1.0;
      prefetch.tensormap [%rd0];
      PRODUCE:
      shl.b32 %r6, %r4, 3;
      add.u32 %r6, %r6, %r1;
      WAIT_EMPTY:
      mbarrier.try_wait.parity.shared::cta.b64 %p3, [%r6+3088], %r5;
      @!%p3 bra WAIT_EMPTY;
      mbarrier.arrive.expect_tx.shared::cta.b64 _, [%r6+3072], 1024;
      shl.b32 %r7, %r4, 10;
      add.u32 %r7, %r7, %r1;
      add.u32 %r8, %r6, 3072;
      shl.b32 %r9, %r3, 3;
      mov.u32 %r10, 0;
      cp.async.bulk.tensor.4d.shared::cluster.global.tile.mbarrier::complete_tx::bytes.L2::cache_hint [%r7], [%rd0, {%r10, %r9, %r10, %r10}], [%r8], %rd4;
      add.u32 %r4, %r4, 1;
      setp.eq.u32 %p4, %r4, 2;
      @%p4 mov.u32 %r4, 0;
      @%p4 xor.b32 %r5, %r5, 1;
      add.u32 %r3, %r3, 1;
      setp.lt.u32 %p5, %r3, TILES;
      @%p5 bra PRODUCE;
      bra DONE;
      CONSUMER:
      elect.sync _|%p2, 0xffffffff;
      mov.u32 %r5, 0;
      shl.b32 %r11, %r2, 5;
      add.u32 %r11, %r11, %r1;
      CONSUME:
      shl.b32 %r6, %r4, 3;
      add.u32 %r6, %r6, %r1;
      WAIT_FULL:
      mbarrier.try_wait.parity.shared::cta.b64 %p3, [%r6+3072], %r5;
      @!%p3 bra WAIT_FULL;
      shl.b32 %r7, %r4, 10;
      add.u32 %r7, %r7, %r11;
      ld.shared.v4.u32 {%r20, %r21, %r22, %r23}, [%r7];
      ld.shared.v4.u32 {%r24, %r25, %r26, %r27}, [%r7+16];
      bar.warp.sync 0xffffffff; // all have read
      @%p2 mbarrier.arrive.shared::cta.b64 _, [%r6+3088];
      add.u32 %r20, %r20, 65537; add.u32 %r21, %r21, 65537;
      add.u32 %r22, %r22, 65537; add.u32 %r23, %r23, 65537;
      add.u32 %r24, %r24, 65537; add.u32 %r25, %r25, 65537;
      add.u32 %r26, %r26, 65537; add.u32 %r27, %r27, 65537;
      @%p2 cp.async.bulk.wait_group.read 0;
      bar.warp.sync 0xffffffff; // the outgoing tile is free
      st.shared.v4.u32 [%r11+2048], {%r20, %r21, %r22, %r23};
      st.shared.v4.u32 [%r11+2064], {%r24, %r25, %r26, %r27};
      fence.proxy.async.shared::cta;
      bar.warp.sync 0xffffffff; // the outgoing tile is full
      @!%p2 bra STORED;
      shl.b32 %r9, %r3, 3;
      mov.u32 %r10, 0;
      add.u32 %r12, %r1, 2048;
      cp.async.bulk.tensor.4d.global.shared::cta.tile.bulk_group [%rd1, {%r10, %r9, %r10, %r10}], [%r12];
      cp.async.bulk.commit_group;
      STORED:
      add.u32 %r4, %r4, 1;
      setp.eq.u32 %p4, %r4, 2;
      @%p4 mov.u32 %r4, 0;
      @%p4 xor.b32 %r5, %r5, 1;
      add.u32 %r3, %r3, 1;
      setp.lt.u32 %p5, %r3, TILES;
      @%p5 bra CONSUME;
      @%p2 cp.async.bulk.wait_group 0;
      DONE:
      """
          .replace("TILES", "" + TILES);

  private static int[] run(String kernel, EmulatorOptions options) {
    EmulatedMemory memory = new EmulatedMemory();
    HopperKernels.Tensor from = HopperKernels.tensor(memory, 64, 8 * TILES, 1, 1);
    HopperKernels.Tensor to = HopperKernels.tensor(memory, 64, 8 * TILES, 1, 1);
    HopperKernels.count(memory, from);
    List<Integer> box = List.of(64, 8, 1, 1);
    HopperKernels.launch(
        kernel,
        1,
        64,
        memory,
        HopperKernels.parameters(
            from.map(box, TensorMap.Swizzle.BYTES_128),
            to.map(box, TensorMap.Swizzle.BYTES_128),
            0,
            0),
        List.of(to.output()),
        options);
    return HopperKernels.halves(memory, to.address(), (int) to.elements());
  }

  @ParameterizedTest
  @EnumSource(WarpOrder.class)
  void isRightUnderEverySchedule(WarpOrder order) {
    int[] expected = IntStream.range(0, 512 * TILES).map(i -> i + 2).toArray();
    for (AsyncPolicy async : AsyncPolicy.values()) {
      for (int seed = 0; seed < 5; seed++) {
        assertArrayEquals(expected, run(KERNEL, HopperKernels.options(seed, async, order)));
      }
    }
  }

  /** Replaces one line of the kernel, which must occur once. */
  private static String edit(String from, String to) {
    int at = KERNEL.indexOf(from);
    assertTrue(at >= 0 && KERNEL.indexOf(from, at + 1) < 0, () -> "not once: " + from);
    return KERNEL.replace(from, to);
  }

  @ParameterizedTest(name = "{0} => {1}")
  @CsvSource(
      delimiter = '~',
      quoteCharacter = '"',
      textBlock =
          """
          @!%p3 bra WAIT_EMPTY; ~  ~ (race: shared byte \\d+ is overwritten|pending: shared byte \\d+ is written|2 arrivals in phase 0 of the memory barrier at 3072)
          @!%p3 bra WAIT_FULL; ~  ~ (race: shared byte \\d+ is read but was written by a bulk copy in phase|pending: shared byte \\d+ is read while a bulk copy|uninitialised|parity alias)
          [%r6+3072], 1024; ~ [%r6+3072], 1008; ~ 16 bytes more than announced
          [%r6+3072], 1024; ~ [%r6+3072], 1040; ~ deadlock.*waits at memory barrier 0 at 3072, phase 0: 1 of 1 arrivals, 16 bytes to come, 0 under way
          [%r6+3072], 1024; ~ [%r6+3072], 0; ~ (1024 bytes more than announced|pending: shared byte \\d+ is read while a bulk copy|race: shared byte)
          [%r1+3072], 1; ~ [%r1+3072], 2; ~ deadlock.*phase 0: 1 of 2 arrivals
          [%r1+3088], 1; ~ [%r1+3088], 2; ~ deadlock.*memory barrier 2 at 3088, phase 0: 1 of 2 arrivals
          mov.u32 %r5, 1; ~ mov.u32 %r5, 0; ~ deadlock.*warp 0.*memory barrier 2 at 3088, phase 0: 0 of 1.*warp 1.*memory barrier 0 at 3072
          mov.u32 %r5, 0; ~ mov.u32 %r5, 1; ~ (race: shared byte|pending: shared byte|uninitialised|parity alias)
          mov.u32 %r5, 0; ~ mov.u32 %r5, 2; ~ a parity is 0 or 1, found 2
          fence.mbarrier_init.release.cluster; ~  ~ with no fence.mbarrier_init after its initialisation
          bar.sync 0; ~  ~ memory barrier at 30\\d+ was initialised by warp 0, lane 0 with no barrier|no memory barrier is initialised
          fence.proxy.async.shared::cta; ~  ~ unfenced: shared byte 2\\d+ was written by warp 1, lane \\d+ and is now accessed by the asynchronous proxy
          fence.proxy.async.shared::cta; ~ @%p2 fence.proxy.async.shared::cta; ~ unfenced: shared byte 2\\d+ was written by warp 1, lane \\d+
          bar.warp.sync 0xffffffff; // all have read ~  ~ race: shared byte \\d+ is overwritten but was read by warp 1, lane \\d+ with no barrier
          bar.warp.sync 0xffffffff; // the outgoing tile is free ~  ~ race: shared byte 2\\d+ is overwritten but was read by a bulk store of warp 1
          bar.warp.sync 0xffffffff; // the outgoing tile is full ~  ~ race: shared byte 2\\d+ is read but was written by warp 1
          @%p2 cp.async.bulk.wait_group.read 0; ~  ~ race: shared byte 2048 is overwritten but was read by a bulk store of warp 1, lane \\d+ with no wait
          wait_group.read 0; ~ wait_group.read 1; ~ race: shared byte 2048 is overwritten but was read by a bulk store of warp 1, lane \\d+ with no wait
          cp.async.bulk.commit_group; ~  ~ (is overwritten but was read by a bulk store|not committed)
          @%p2 cp.async.bulk.wait_group 0; ~  ~ exits while a bulk store may still read shared memory.*started at PTX line
          @%p2 mbarrier.arrive.shared::cta.b64 _, [%r6+3088]; ~  ~ deadlock
          @%p2 mbarrier.arrive.shared::cta.b64 _, [%r6+3088]; ~ mbarrier.arrive.shared::cta.b64 _, [%r6+3088]; ~ 32 arrivals in phase 0 of the memory barrier at 3088, which expects 1
          @%p2 mbarrier.arrive.shared::cta.b64 _, [%r6+3088]; ~ @%p2 mbarrier.arrive.shared::cta.b64 _, [%r6+3092]; ~ misaligned: memory barrier at 3092
          @%p2 mbarrier.arrive.shared::cta.b64 _, [%r6+3088]; ~ @%p2 mbarrier.arrive.shared::cta.b64 _, [%r6+3120]; ~ no memory barrier is initialised at 3120
          add.u32 %r12, %r1, 2048; ~ add.u32 %r12, %r1, 2176; ~ misaligned: bulk tensor copy with shared address 2176, which must be a multiple of 1024
          add.u32 %r12, %r1, 2048; ~ add.u32 %r12, %r1, 1024; ~ (race: shared byte|pending: shared byte|is read but was never written|missing write)
          [%rd0, {%r10, %r9, ~ [%rd2, {%r10, %r9, ~ tensor map: 0x0 is not the generic address of a parameter
          [%r8], %rd4; ~ [%r8], %rd0; ~ the cache policy does not come from createpolicy
          [%rd1, {%r10, %r9, ~ [%rd1, {%r9, %r10, ~ (double write|missing write)
          ld.shared.v4.u32 {%r20, %r21, %r22, %r23}, [%r7]; ~ ld.shared.v4.u32 {%r20, %r21, %r22, %r23}, [%r1+3072]; ~ shared access of 16 bytes at 3072 touches the memory barrier at 3072
          st.shared.v4.u32 [%r11+2064] ~ st.shared.v4.u32 [%r11+2080] ~ shared access of 16 bytes at 3072 touches the memory barrier at 3072|race: shared byte|never written
          fence.mbarrier_init.release.cluster; ~ mbarrier.init.shared::cta.b64 [%r1+3072], 1; ~ the memory barrier at 3072 is initialised again
          """)
  void findsPlantedDefects(String from, String to, String message) {
    String kernel = edit(from, to == null ? "" : to);
    for (AsyncPolicy async : AsyncPolicy.values()) {
      for (WarpOrder order : WarpOrder.values()) {
        // A wait whose answer is ignored does no harm where the answer is always yes.
        if (async != AsyncPolicy.LATEST && from.contains("bra WAIT_")) {
          continue;
        }
        String found =
            assertThrows(
                    EmulationException.class,
                    () -> run(kernel, HopperKernels.options(3, async, order)))
                .getMessage();
        assertTrue(
            Pattern.compile(message, Pattern.DOTALL).matcher(found).find(),
            () -> async + " " + order + ": '" + message + "' is not in: " + found);
      }
    }
  }

  @Test
  void acceptsWhatIsRightInAnotherForm() {
    int[] expected = IntStream.range(0, 512 * TILES).map(i -> i + 2).toArray();
    EmulatorOptions options = HopperKernels.options(1, AsyncPolicy.LATEST, WarpOrder.ROUND_ROBIN);
    List<String> kernels =
        List.of(
            edit("cp.async.bulk.wait_group 0;", "cp.async.bulk.wait_group.read 0;"),
            edit("fence.mbarrier_init.release.cluster;", "fence.proxy.async;"),
            // The fence may also come behind the barrier, in the thread that starts the copy.
            edit("fence.proxy.async.shared::cta;", "")
                .replace("@!%p2 bra STORED;", "@!%p2 bra STORED; fence.proxy.async.shared::cta;"),
            edit("[%r1+3088], 1;", "[%r1+3088], 32;")
                .replace("[%r1+3096], 1;", "[%r1+3096], 32;")
                .replace("@%p2 mbarrier.arrive", "mbarrier.arrive"),
            edit("[%r1+3088], 1;", "[%r1+3088], 2;")
                .replace("[%r1+3096], 1;", "[%r1+3096], 2;")
                .replace("_, [%r6+3088];", "_, [%r6+3088], 2;"));
    for (String kernel : kernels) {
      assertArrayEquals(expected, run(kernel, options), kernel);
    }
  }

  @Test
  void countsCopies() {
    EmulatedMemory memory = new EmulatedMemory();
    HopperKernels.Tensor from = HopperKernels.tensor(memory, 64, 8 * TILES, 1, 1);
    HopperKernels.Tensor to = HopperKernels.tensor(memory, 64, 8 * TILES, 1, 1);
    HopperKernels.count(memory, from);
    List<Integer> box = List.of(64, 8, 1, 1);
    LaunchReport report =
        HopperKernels.launch(
            KERNEL,
            1,
            64,
            memory,
            HopperKernels.parameters(
                from.map(box, TensorMap.Swizzle.BYTES_128),
                to.map(box, TensorMap.Swizzle.BYTES_128),
                0,
                0),
            List.of(to.output()),
            HopperKernels.options(0, AsyncPolicy.LATEST, WarpOrder.ROUND_ROBIN));
    assertEquals(2 * TILES, report.asyncCopies());
    assertEquals(32 * TILES, report.globalLoadSectors());
    assertEquals(32 * TILES, report.globalStoreSectors());
    // One barrier for each warp, one wait of each warp for each tile.
    assertEquals(2 + (2 * TILES), report.barrierWaits());
  }
}
