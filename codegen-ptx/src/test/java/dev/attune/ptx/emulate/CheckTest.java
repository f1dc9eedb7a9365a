package dev.attune.ptx.emulate;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

/** Every check fires on a planted defect, and not on its corrected twin. */
final class CheckTest {
  private static final String SHARED =
      ".shared .align 16 .b8 smem[1024]; mov.u32 %r1, smem; shl.b32 %r2, %r0, 2;"
          + " add.u32 %r3, %r1, %r2; ";

  private static String failure(String body, int threads, int words, int... input) {
    return assertThrows(EmulationException.class, () -> Kernels.run(body, threads, words, input))
        .getMessage();
  }

  private static void assertContains(String message, String... parts) {
    for (String part : parts) {
      assertTrue(message.contains(part), () -> "'" + part + "' is not in: " + message);
    }
  }

  /** Launches with all choices open. */
  private static void launch(
      String body,
      int ctas,
      int threads,
      EmulatedMemory memory,
      long in,
      long out,
      List<OutputRegion> outputs,
      EmulatorOptions options) {
    EmulatedModule.parse(Kernels.module(body))
        .entry("k")
        .launch(
            memory,
            new LaunchConfig(Dim3.of(ctas), Dim3.of(threads), 0, outputs, options),
            Kernels.parameters(in, out));
  }

  // Races.

  private static String exchange(String between) {
    return SHARED
        + "st.shared.u32 [%r3], %r0; "
        + between
        + " xor.b32 %r4, %r2, 252; add.u32 %r4, %r4, %r1; ld.shared.u32 %r5, [%r4];"
        + " st.global.u32 [%rd4], %r5;";
  }

  @Test
  void aReadAfterAWriteNeedsABarrier() {
    int[] out = Kernels.run(exchange("bar.sync 0;"), 64, 64);
    assertEquals(63, out[0]);
    String message = failure(exchange("") + "bar.sync 0;", 64, 64);
    assertContains(message, "uninitialised: shared byte 252", "CTA (0, 0, 0), warp 0, lane 0");
  }

  @Test
  void lanesOfAWarpNeedAWarpBarrier() {
    String body = exchange("bar.warp.sync 0xffffffff;").replace("252", "124");
    assertEquals(31, Kernels.run(body, 32, 32)[0]);
    String message = failure(exchange("").replace("252", "124"), 32, 32);
    assertContains(
        message,
        "race: shared byte 124 is read but was written by warp 0, lane 31 with no barrier",
        "ld.shared.u32 %r5, [%r4];");
  }

  @Test
  void anOverwriteOfWhatOthersReadNeedsABarrier() {
    String head = "setp.lt.u32 %p1, %r0, 32; " + exchange("bar.sync 0;");
    String tail = "@%p1 st.shared.u32 [%r3], %r0;";
    Kernels.run(head + "bar.sync 0;" + tail, 64, 64);
    String message = failure(head + tail, 64, 64);
    assertContains(message, "race: shared byte", "is overwritten but was read by warp");
  }

  @Test
  void twoWritesNeedABarrier() {
    String message = failure(SHARED + "st.shared.u32 [%r1], %r0;", 32, 1);
    assertContains(message, "race: shared byte 0 is overwritten but was written by warp 0, lane 0");
  }

  @Test
  void aBarrierOfOtherWarpsDoesNotOrder() {
    // Warps 0 and 1 meet at barrier 1; warp 2 reads warp 0's words after barrier 2 with warp 1
    // only.
    String body =
        SHARED
            + """
            setp.ge.u32 %p1, %r0, 64; @%p1 bra READER;
            st.shared.u32 [%r3], %r0;
            setp.ge.u32 %p2, %r0, 32; @%p2 bra SECOND;
            @@ bra END;
            SECOND: ## bar.sync 2, 64; bra END;
            READER: bar.sync 2, 64; ld.shared.u32 %r5, [%r1]; st.global.u32 [%rd4+-256], %r5;
            END:
            """;
    String ordered = body.replace("@@", "bar.sync 1, 64;").replace("##", "bar.sync 1, 64;");
    assertEquals(0, Kernels.run(ordered, 96, 32)[5]);
    String message = failure(body.replace("@@", "").replace("##", ""), 96, 32);
    assertContains(message, "race: shared byte 0 is read but was written by warp 0, lane 0");
  }

  // Asynchronous copies.

  private static String copy(String wait, String barrier) {
    return SHARED
        + "cp.async.ca.shared.global [%r3], [%rd3], 4; cp.async.commit_group; "
        + wait
        + barrier
        + " xor.b32 %r4, %r2, 124; add.u32 %r4, %r4, %r1; ld.shared.u32 %r5, [%r4];"
        + " st.global.u32 [%rd4], %r5;";
  }

  @Test
  void aCopyNeedsItsWaitAndABarrier() {
    int[] input = new int[32];
    input[31] = 77;
    String wait = "cp.async.wait_group 0;";
    String barrier = "bar.sync 0;";
    assertEquals(77, Kernels.run(copy(wait, barrier), 32, 32, input)[0]);
    assertEquals(77, Kernels.run(copy("cp.async.wait_all;", barrier), 32, 32, input)[0]);
    assertContains(
        failure(copy("", barrier), 32, 32, input),
        "pending: shared byte 124 is read while a cp.async of warp 0, lane 31 may still write it",
        "cp.async.wait_group is missing");
    assertContains(
        failure(copy("cp.async.wait_group 1;", barrier), 32, 32, input), "pending: shared byte");
    assertContains(failure(copy(wait, ""), 32, 32, input), "race: shared byte 124 is read");
    assertContains(
        failure(copy("st.shared.u32 [%r3], %r0;" + wait, barrier), 32, 32, input),
        "pending: shared byte 0 is written while a cp.async");
  }

  @Test
  void copiesFillWithZeros() {
    String body =
        SHARED
            + """
            shl.b32 %r3, %r0, 4; add.u32 %r3, %r3, %r1; shl.b32 %r5, %r0, 2;
            cp.async.cg.shared.global [%r3], [%rd0], 16, %r5;
            cp.async.wait_all; bar.sync 0;
            ld.shared.v4.u32 {%r6, %r7, %r8, %r9}, [%r1+16];
            ld.shared.u32 %r10, [%r1+76];
            setp.ne.u32 %p1, %r0, 0; @%p1 bra END;
            st.global.v4.u32 [%rd1], {%r6, %r7, %r8, %r9}; st.global.u32 [%rd1+16], %r10;
            END:
            """;
    assertArrayEquals(new int[] {1, 0, 0, 0, 4}, Kernels.run(body, 5, 5, 1, 2, 3, 4));
  }

  // Places and initialisation.

  @Test
  void accessesStayInBounds() {
    assertContains(
        failure("ld.global.u32 %r1, [%rd3+4];", 32, 1, new int[32]),
        "out of bounds: global load of 4 bytes",
        "which is 128 bytes from the start of an allocation of 128 bytes",
        "lane 31 (thread 31)",
        "ld.global.u32 %r1, [%rd3+4];");
    assertContains(
        failure(SHARED + "st.shared.u32 [%r1+1024], %r0;", 1, 1),
        "out of bounds: shared access of 4 bytes at 1024, the CTA has 1024 bytes");
  }

  @Test
  void accessesAreAligned() {
    assertContains(
        failure("ld.global.v2.u32 {%r1, %r2}, [%rd0+4];", 1, 1, 1, 2, 3, 4),
        "misaligned: global load of 8 bytes");
    assertContains(
        failure(SHARED + "st.shared.u32 [%r1+2], %r0;", 1, 1),
        "misaligned: shared access of 4 bytes at 2");
  }

  @Test
  void whatIsReadWasWritten() {
    assertContains(
        failure("add.u32 %r1, %r2, 1;", 1, 1), "register '%r2' is read before it is written");
    assertContains(
        failure("setp.ne.u32 %p1, %r0, 5; @%p1 mov.u32 %r2, 0; add.u32 %r1, %r2, 1;", 32, 1),
        "register '%r2' is read before it is written",
        "lane 5");
    assertContains(
        failure("@%p1 mov.u32 %r2, 0;", 1, 1), "register '%p1' is read before it is written");
    assertContains(failure("ld.global.u32 %r1, [%rd1];", 1, 1), "uninitialised: global load");
    assertContains(
        failure(SHARED + "ld.shared.u32 %r4, [%r3];", 1, 1),
        "uninitialised: shared byte 0 is read but was never written");
  }

  @Test
  void readOnlyAndFreedMemoryIsNotTouched() {
    assertContains(failure("st.global.u32 [%rd0], %r0;", 1, 1, 5), "read-only: global store");
    EmulatedMemory memory = new EmulatedMemory();
    long freed = memory.allocate(64);
    memory.write(freed, new byte[64]);
    memory.free(freed);
    String message =
        assertThrows(
                EmulationException.class,
                () ->
                    launch(
                        "ld.global.u32 %r1, [%rd0];",
                        1, 1, memory, freed, freed, List.of(), Kernels.options()))
            .getMessage();
    assertContains(message, "use of freed memory: global load");
  }

  // Outputs.

  @Test
  void outputsAreWrittenExactlyOnce() {
    assertContains(
        failure("setp.ne.u32 %p1, %r0, 3; @%p1 st.global.u32 [%rd4], %r0;", 32, 32),
        "missing write: output 'out', row 0, byte 12 was never written; 4 bytes");
    assertContains(
        failure("st.global.u32 [%rd4], %r0; st.global.u32 [%rd1], %r0;", 1, 1),
        "double write: output 'out', row 0, byte 0 was already written by CTA 0");
    assertContains(failure("st.global.u32 [%rd4+4], %r0;", 1, 1), "out of bounds: global store");
  }

  @Test
  void regionsHaveGapsThatStayUntouched() {
    EmulatedMemory memory = new EmulatedMemory();
    long out = memory.allocate(64);
    List<OutputRegion> outputs = List.of(new OutputRegion("o", out, 4, 4, 8));
    String body = "add.u64 %rd4, %rd4, %rd2; st.global.u32 [%rd4+@], %r0;";
    launch(body.replace("@", "0"), 1, 4, memory, out, out, outputs, Kernels.options());
    assertArrayEquals(new int[] {0, -1, 1, -1, 2, -1, 3, -1}, Kernels.words(memory, out, 8));
    String message =
        assertThrows(
                EmulationException.class,
                () ->
                    launch(
                        body.replace("@", "4"), 1, 4, memory, out, out, outputs, Kernels.options()))
            .getMessage();
    assertContains(message, "store outside the outputs", "beside output 'o'");
  }

  @Test
  void ctasDoNotWriteTheSameBytes() {
    EmulatedMemory memory = new EmulatedMemory();
    long out = memory.allocate(64);
    String store = "mov.u32 %r1, %ctaid.x; ";
    for (String tail :
        List.of(
            "st.global.u32 [%rd1], %r1;",
            "setp.eq.u32 %p1, %r1, 0; @%p1 st.global.u32 [%rd1], %r1;"
                + " @!%p1 ld.global.u32 %r2, [%rd1];")) {
      String message =
          assertThrows(
                  EmulationException.class,
                  () -> launch(store + tail, 2, 1, memory, out, out, List.of(), Kernels.options()))
              .getMessage();
      assertContains(message, "race: global", "of what CTA 0 has written", "CTA (1, 0, 0)");
    }
  }

  @Test
  void ctasShareWordsByHalves() {
    EmulatedMemory memory = new EmulatedMemory();
    long out = memory.allocate(64);
    String body =
        "mov.u32 %r1, %ctaid.x; mul.wide.u32 %rd5, %r1, 2; add.u64 %rd5, %rd5, %rd1;"
            + " cvt.u16.u32 %h1, %r1; st.global.b16 [%rd5], %h1;";
    launch(
        body,
        8,
        1,
        memory,
        out,
        out,
        List.of(OutputRegion.contiguous("o", out, 16)),
        new EmulatorOptions(0, AsyncPolicy.LATEST, WarpOrder.ROUND_ROBIN, 4, 1000));
    assertArrayEquals(
        new int[] {0x1_0000, 0x3_0002, 0x5_0004, 0x7_0006}, Kernels.words(memory, out, 4));
  }

  @Test
  void atomicsAddUp() {
    EmulatedMemory memory = new EmulatedMemory();
    long out = memory.allocate(8);
    memory.write(out, Kernels.bytes(0, Float.floatToIntBits(0.5f)));
    String body =
        "mov.f32 %f1, 0f3F800000; red.global.add.u32 [%rd1], %r0;"
            + " atom.global.add.f32 %f2, [%rd1+4], %f1;";
    launch(
        body,
        4,
        64,
        memory,
        out,
        out,
        List.of(OutputRegion.contiguous("o", out, 8)),
        new EmulatorOptions(0, AsyncPolicy.LATEST, WarpOrder.ROUND_ROBIN, 4, 1000));
    assertArrayEquals(
        new int[] {4 * 2016, Float.floatToIntBits(256.5f)}, Kernels.words(memory, out, 2));
    assertContains(
        failure("st.global.u32 [%rd1], %r0; red.global.add.u32 [%rd1], %r0;", 1, 1),
        "race: global atomic");
  }

  // Barriers and divergence.

  @Test
  void barriersAreReachedByAll() {
    assertContains(
        failure("setp.eq.u32 %p1, %r0, 3; @%p1 bra SKIP; bar.sync 0; SKIP:", 32, 1), "divergent");
    assertContains(
        failure("setp.eq.u32 %p1, %r0, 3; @%p1 bar.sync 0;", 32, 1),
        "divergent: the guard switches off some lanes");
    assertContains(
        failure("setp.lt.u32 %p1, %r0, 3; @%p1 exit; bar.sync 0;", 32, 1),
        "divergent barrier: the barrier needs lanes that have exited");
    assertContains(
        failure(
            "shr.u32 %r1, %r0, 5; shl.b32 %r1, %r1, 5; add.u32 %r1, %r1, 32;" + " bar.sync 1, %r1;",
            64, 1),
        "deadlock");
    assertContains(
        failure(
            "shr.u32 %r1, %r0, 5; shl.b32 %r1, %r1, 5; add.u32 %r1, %r1, 64;" + " bar.sync 1, %r1;",
            64, 1),
        "divergent barrier: barrier 1 is entered with thread count 96, by another warp with 64");
    assertContains(failure("bar.sync 1, 33;", 32, 1), "not a multiple of 32");
    assertContains(failure("bar.sync 16;", 32, 1), "there is no barrier 16");
  }

  @Test
  void deadlocksNameEveryWarp() {
    String message =
        failure(
            "setp.ge.u32 %p1, %r0, 32; @%p1 bra OTHER; bar.sync 1, 64; ret;"
                + " OTHER: bar.sync 2, 64;",
            64, 1);
    assertContains(
        message,
        "deadlock: no warp of CTA (0, 0, 0) can go on",
        "warp 0 waits at barrier 1 (32 of 64 threads have arrived) at PTX line",
        "warp 1 waits at barrier 2 (32 of 64 threads have arrived) at PTX line",
        "bar.sync 2, 64;");
    assertContains(
        failure("setp.ge.u32 %p1, %r0, 32; @%p1 exit; bar.sync 0;", 64, 1), "warp 1 has exited");
  }

  @Test
  void endlessLoopsEnd() {
    assertContains(failure("L: bra L;", 32, 1), "hang: CTA (0, 0, 0) has executed more than");
  }

  @Test
  void collectivesNeedTheirLanes() {
    assertContains(
        failure(
            "setp.lt.u32 %p1, %r0, 16; @%p1 exit; shfl.sync.idx.b32 %r1, %r0, 0, 31, -1;", 32, 1),
        "shfl.sync needs lanes that have exited or do not exist: 0000ffff");
    assertContains(
        failure("shfl.sync.idx.b32 %r1, %r0, 20, 31, 0xffff;", 16, 1),
        "reads lane 20, which is not in the member mask");
    assertContains(
        failure("shfl.sync.idx.b32 %r1, %r0, 2, 31, 0xffff;", 32, 1),
        "the lane executes but is not in the member mask");
    assertContains(
        failure(
            "setp.lt.u32 %p1, %r0, 16; @%p1 bra A; shfl.sync.idx.b32 %r1, %r0, 0, 31, -1; bra B;"
                + " A: shfl.sync.idx.b32 %r1, %r0, 1, 31, -1; B:",
            32, 1),
        "divergent: lanes of the warp wait for each other in different places",
        "lanes 0000ffff",
        "lanes ffff0000");
  }

  @Test
  void divergedLanesMeetAgain() {
    String body =
        """
        mov.u32 %r1, 0; mov.u32 %r2, 0;
        LOOP: add.u32 %r2, %r2, %r1; add.u32 %r1, %r1, 1; setp.le.u32 %p1, %r1, %r0; @%p1 bra LOOP;
        shfl.sync.bfly.b32 %r3, %r2, 31, 31, -1;
        st.global.u32 [%rd4], %r3;
        """;
    int[] out = Kernels.run(body, 32, 32);
    for (int lane = 0; lane < 32; lane++) {
      int other = 31 - lane;
      assertEquals(other * (other + 1) / 2, out[lane]);
    }
  }

  @Test
  void trapsAndMissingReturnsAreErrors() {
    assertContains(failure("trap;", 1, 1), "trap\n  CTA (0, 0, 0), warp 0, lane 0 (thread 0)");
  }

  @Test
  void theTileOperationIsNamed() {
    assertContains(
        failure("\n//@ map score [gemma2_local.attn:7]\n trap;\n//@ other\n", 1, 1),
        "trap;\n  tile operation: map score [gemma2_local.attn:7]");
  }

  // Memory beyond 2³¹.

  @Test
  void offsetsBeyondTwoGigabytesAreReached() {
    EmulatedMemory memory = new EmulatedMemory();
    long base = memory.allocateAt(0x1_FFFF_FF00L, 1L << 34);
    long far = base + (1L << 33) + 4;
    memory.write(far, Kernels.bytes(42));
    long out = memory.allocate(4);
    String body =
        "mov.u64 %rd5, 0x200000004; add.u64 %rd5, %rd5, %rd0; ld.global.u32 %r1, [%rd5];"
            + " st.global.u32 [%rd1], %r1;";
    List<OutputRegion> outputs = List.of(OutputRegion.contiguous("o", out, 4));
    launch(body, 1, 1, memory, base, out, outputs, Kernels.options());
    assertArrayEquals(new int[] {42}, Kernels.words(memory, out, 1));
    String narrow = body.replace("mov.u64 %rd5, 0x200000004", "cvt.u64.u32 %rd5, 4");
    String message =
        assertThrows(
                EmulationException.class,
                () -> launch(narrow, 1, 1, memory, base, out, outputs, Kernels.options()))
            .getMessage();
    assertContains(message, "uninitialised: global load");
  }

  @Test
  void bankConflictsAndSectorsAreCounted() {
    EmulatedMemory memory = new EmulatedMemory();
    long in = memory.allocate(4096);
    memory.write(in, new byte[4096]);
    String body =
        ".shared .align 16 .b8 smem[4096]; mov.u32 %r1, smem; shl.b32 %r2, %r0, 7;"
            + " add.u32 %r3, %r1, %r2; st.shared.u32 [%r3], %r0; ld.shared.u32 %r4, [%r3];"
            + " cvt.u64.u32 %rd5, %r2; add.u64 %rd5, %rd5, %rd0; ld.global.u32 %r5, [%rd5];"
            + " ld.global.u32 %r6, [%rd3];";
    LaunchReport report =
        EmulatedModule.parse(Kernels.module(body))
            .entry("k")
            .launch(
                memory,
                new LaunchConfig(Dim3.of(1), Dim3.of(32), 0, List.of(), Kernels.options()),
                Kernels.parameters(in, in));
    assertEquals(64, report.sharedTransactions());
    assertEquals(62, report.sharedConflicts());
    assertEquals(36, report.globalLoadSectors());
  }
}
