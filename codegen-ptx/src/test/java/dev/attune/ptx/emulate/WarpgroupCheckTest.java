package dev.attune.ptx.emulate;

import static dev.attune.ptx.emulate.WarpgroupKernel.descriptor;
import static java.util.stream.Collectors.joining;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Every rule of {@code wgmma}: its breach is reported, and what keeps it runs. */
final class WarpgroupCheckTest {
  private static final int IMAGE = 16 * 1024;
  private static final long A = descriptor(0, 16, 1024, 0, 1);
  private static final long B = descriptor(8192, 16, 1024, 0, 1);
  private static final String FENCE = "wgmma.fence.sync.aligned;\n";
  private static final String COMMIT = "wgmma.commit_group.sync.aligned;\n";
  private static final String WAIT = "wgmma.wait_group.sync.aligned 0;\n";
  private static final String REST = "1, 1, 0, 0";
  private static final String SS = WarpgroupKernel.shared(16, "bf16", A, B, "0", REST);
  private static final String SS_MORE = WarpgroupKernel.shared(16, "bf16", A, B, "1", REST);
  private static final String RS = WarpgroupKernel.registers(16, 0, B, "0", "1, 1, 0");

  /** Sets the accumulators. */
  private static final String ZERO =
      IntStream.range(0, 8).mapToObj(i -> "mov.f32 d" + i + ", 0f00000000;\n").collect(joining());

  private static void run(String code, AsyncPolicy policy) {
    byte[] input = new byte[IMAGE + 16 * 4 * WarpgroupKernel.THREADS];
    WarpgroupKernel.run(
        WarpgroupKernel.module(code, 16, IMAGE, 16),
        16,
        IMAGE,
        input,
        Kernels.options().withSchedule(7, policy, WarpOrder.ROUND_ROBIN));
  }

  private static void accepted(String code) {
    for (AsyncPolicy policy : AsyncPolicy.values()) {
      run(code, policy);
    }
  }

  /** The code is refused whenever asynchronous effects happen. */
  private static void refused(String code, String... reasons) {
    for (AsyncPolicy policy : AsyncPolicy.values()) {
      String message = assertThrows(EmulationException.class, () -> run(code, policy)).getMessage();
      for (String reason : reasons) {
        assertTrue(message.contains(reason), () -> "'" + reason + "' is not in: " + message);
      }
    }
  }

  @Test
  void theAccumulatorsAreInFlightUntilTheWait() {
    accepted(FENCE + SS + COMMIT + WAIT + "add.f32 d3, d3, d3;");
    refused(
        FENCE + SS + COMMIT, "register 'd0' is read while a wgmma accumulates in it", "wait_group");
    refused(FENCE + SS + WAIT, "register 'd0' is read", "wgmma.commit_group is missing");
    refused(FENCE + SS + COMMIT + "mov.f32 d5, 0f00000000;" + WAIT, "'d5' is written while");
    refused(FENCE + SS + COMMIT + "mov.f32 x, d2;" + WAIT, "'d2' is read while");
  }

  @Test
  void aWaitLeavesTheLatestGroupsPending() {
    String other = SS.replaceAll("\\bd(\\d)\\b", "d1$1");
    String two = FENCE + SS + COMMIT + other + COMMIT;
    accepted(two + "wgmma.wait_group.sync.aligned 1; add.f32 d0, d0, d0;" + WAIT);
    refused(
        two + "wgmma.wait_group.sync.aligned 1; add.f32 d10, d10, d10;" + WAIT, "'d10' is read");
    refused(two + "wgmma.wait_group.sync.aligned 2; add.f32 d0, d0, d0;" + WAIT, "'d0' is read");
    refused(two + "wgmma.wait_group.sync.aligned 1;", "exits with wgmma in flight");
  }

  @Test
  void theRegistersOfTheLeftOperandAreInFlight() {
    accepted(FENCE + RS + COMMIT + WAIT + "mov.b32 a1, 0;");
    accepted(FENCE + RS + RS.replace("0, 1, 1, 0;", "1, 1, 1, 0;") + COMMIT + WAIT);
    refused(
        FENCE + RS + COMMIT + "mov.b32 a1, 0;" + WAIT, "'a1' is written while a wgmma reads it");
    refused(FENCE + RS + COMMIT + "mov.b32 r5, a2;" + WAIT, "'a2' is read while a wgmma reads it");
  }

  @Test
  void registersThatOtherInstructionsUseNeedAFence() {
    String zero = "mov.f32 d0, 0f00000000;";
    accepted(zero + FENCE + SS + COMMIT + WAIT);
    refused(FENCE + zero + SS + COMMIT + WAIT, "unfenced: register 'd0'");
    refused(FENCE + "mov.b32 a2, 1;" + RS + COMMIT + WAIT, "unfenced: register 'a2'");
    refused(SS + COMMIT + WAIT, "no wgmma.fence comes before the first wgmma");
    String again = FENCE + SS + COMMIT + WAIT + "mov.f32 x, d1;";
    accepted(again + FENCE + SS + COMMIT + WAIT);
    refused(again + SS + COMMIT + WAIT, "unfenced: register 'd1'");
  }

  @Test
  void accumulatorsAreSharedOnlyBetweenEqualShapes() {
    accepted(FENCE + SS + SS_MORE + COMMIT + WAIT);
    refused(
        FENCE + SS + WarpgroupKernel.shared(8, "bf16", A, B, "1", REST) + COMMIT + WAIT,
        "used as accumulator of another shape");
    refused(FENCE + SS_MORE + COMMIT + WAIT, "register 'd0' is read before it is written");
  }

  @Test
  void operandsLieInSharedMemory() {
    long last = descriptor(IMAGE - 2048, 16, 1024, 0, 1);
    accepted(FENCE + SS.replace("" + B, "" + last) + COMMIT + WAIT);
    long beyond = descriptor(IMAGE - 1024, 16, 1024, 0, 1);
    refused(FENCE + SS.replace("" + B, "" + beyond) + COMMIT + WAIT, "out of bounds");
    refused(
        FENCE + SS.replace("" + B, "" + (B | 1L << 14)) + COMMIT + WAIT, "has reserved bits set");
  }

  @Test
  void aSwizzlePatternStartsAtItsAlignment() {
    long within = descriptor(8192 + 96, 16, 1024, 0, 1);
    accepted(FENCE + SS.replace("" + B, "" + within) + COMMIT + WAIT);
    long nextRow = descriptor(8192 + 128, 16, 1024, 0, 1);
    refused(
        FENCE + SS.replace("" + B, "" + nextRow) + COMMIT + WAIT,
        "misaligned: the descriptor of B starts at shared byte 8320, 128 bytes into");
    long based = descriptor(8192 + 128, 16, 1024, 1, 1);
    accepted(FENCE + SS.replace("" + B, "" + based) + COMMIT + WAIT);
  }

  @Test
  void operandsMayNotChangeUntilTheWait() {
    String store =
        "add.u32 r11, r1, 8192; shl.b32 r12, r0, 2; add.u32 r11, r11, r12;"
            + " st.shared.u32 [r11], r0;\n";
    accepted(FENCE + SS + COMMIT + WAIT + "bar.sync 0;" + store);
    refused(
        FENCE + SS + COMMIT + "bar.sync 0;" + store + WAIT,
        "race: shared byte",
        "is overwritten but was read by wgmma of warpgroup 0");
  }

  @Test
  void whatIsStoredNeedsAFenceOfItsProxy() {
    String store =
        "add.u32 r11, r1, 8192; shl.b32 r12, r0, 2; add.u32 r11, r11, r12;"
            + " st.shared.u32 [r11], r0;\n";
    String multiply = FENCE + SS + COMMIT + WAIT;
    accepted(store + "fence.proxy.async.shared::cta; bar.sync 0;" + multiply);
    refused(store + "bar.sync 0;" + multiply, "unfenced: shared byte 8192");
    accepted(store + "bar.sync 0; fence.proxy.async.shared::cta;" + multiply);
    refused(store + "fence.proxy.async.shared::cta;" + multiply, "race: shared byte");
  }

  @Test
  void theWarpsOfAWarpgroupAgree() {
    String byWarp = "shr.u32 r10, r0, 5; setp.eq.u32 q, r10, 2;\n";
    String tail = COMMIT + WAIT;
    refused(
        byWarp + FENCE + "@q bra OTHER;" + SS + "bra DONE; OTHER:" + SS + "DONE:" + tail,
        "warp 2 and an earlier one) execute different wgmma");
    String split = SS.replace("wgmma.mma", "@q add.s64 db, db, 64; wgmma.mma");
    refused(byWarp + FENCE + split + tail, "give different descriptors");
    refused(
        byWarp + ZERO + FENCE + SS.replace("db, 0", "db, q") + tail, "different values of scale-d");
    refused(
        byWarp + FENCE + SS + COMMIT + "@q bra SKIP;" + WAIT + "SKIP:" + SS_MORE + tail,
        "have waited for different groups");
  }

  @Test
  void aWarpThatStaysAwayIsADeadlock() {
    String code =
        "shr.u32 r10, r0, 5; setp.eq.u32 q, r10, 3; @q bra AWAY;\n"
            + FENCE
            + SS
            + COMMIT
            + WAIT
            + "bra JOIN; AWAY: bar.sync 1, 128; JOIN:\n";
    refused(
        code,
        "deadlock",
        "warp 0 waits for the other warps of its warpgroup at PTX line",
        "wgmma.wait_group.sync.aligned 0;");
  }

  @Test
  void theLanesOfAWarpAgree() {
    String lane = "and.b32 r10, r0, 31; setp.eq.u32 q, r10, 5;\n";
    String tail = COMMIT + WAIT;
    refused(lane + FENCE + "@q " + SS.substring(SS.indexOf("wgmma")) + tail, "divergent");
    refused(
        lane + FENCE + SS.replace("wgmma.mma", "@q add.s64 da, da, 64; wgmma.mma") + tail,
        "lanes give different descriptors of A",
        "lane 5");
    refused(
        lane + ZERO + FENCE + SS.replace("db, 0", "db, q") + tail, "lanes give different values");
  }

  @ParameterizedTest
  @EnumSource(AsyncPolicy.class)
  void aBlockHasWholeWarpgroups(AsyncPolicy policy) {
    String code = FENCE + SS + COMMIT + WAIT;
    String module = WarpgroupKernel.module(code, 16, IMAGE, 0).replace(".reqntid 128, 1, 1", "");
    EmulatedMemory memory = new EmulatedMemory();
    long in = memory.allocate(IMAGE);
    memory.write(in, new byte[IMAGE]);
    long out = memory.allocate(IMAGE);
    LaunchConfig config =
        new LaunchConfig(
            Dim3.of(1),
            Dim3.of(96),
            IMAGE,
            List.of(),
            Kernels.options().withSchedule(7, policy, WarpOrder.ROUND_ROBIN));
    String message =
        assertThrows(
                EmulationException.class,
                () ->
                    EmulatedModule.parse(module)
                        .entry("k")
                        .launch(memory, config, Kernels.parameters(in, out)))
            .getMessage();
    assertTrue(message.contains("wgmma needs the four warps of a warpgroup"), message);
  }
}
