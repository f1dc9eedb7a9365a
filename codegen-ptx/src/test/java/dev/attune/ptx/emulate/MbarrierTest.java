package dev.attune.ptx.emulate;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

/** Memory barriers by themselves: phases, arrivals, and what they order. */
final class MbarrierTest {
  /** A barrier for {@code count} arrivals at shared byte 0, known to all. */
  private static String initialised(int count) {
    return """
    setp.ne.u32 %p0, %r0, 0;
    @%p0 bra READY;
    mbarrier.init.shared::cta.b64 [%r1], COUNT;
    READY:
    bar.sync 0;
    """
        .replace("COUNT", "" + count);
  }

  private static String wait(String label, int parity) {
    return label
        + ": mbarrier.try_wait.parity.shared::cta.b64 %p1, [%r1], "
        + parity
        + "; @!%p1 bra "
        + label
        + "; ";
  }

  /** Stores {@code %r5} at the thread's place. */
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

  @Test
  void arrivalsOrderAccesses() {
    // Each thread writes a word, arrives and reads the word of the thread across.
    String exchange =
        "shl.b32 %r3, %r0, 2; add.u32 %r3, %r3, %r1; st.shared.u32 [%r3+64], %r0; "
            + "mbarrier.arrive.shared::cta.b64 _, [%r1]; "
            + wait("WAIT", 0)
            + "xor.b32 %r4, %r0, 63; shl.b32 %r4, %r4, 2; add.u32 %r4, %r4, %r1;"
            + " ld.shared.u32 %r5, [%r4+64]; "
            + OUT;
    int[] out = HopperKernels.run(initialised(64) + exchange, 64, 64);
    assertEquals(63, out[0]);
    assertEquals(0, out[63]);
    // An arrival before the write does not pass it on.
    String late =
        exchange
            .replace("mbarrier.arrive.shared::cta.b64 _, [%r1]; ", "")
            .replace("st.shared", "mbarrier.arrive.shared::cta.b64 _, [%r1]; st.shared");
    assertContains(failure(initialised(64) + late, 64), "shared byte", "read but was");
    // One lane's arrival passes on what the lane did, not the others.
    String elected =
        exchange.replace("mbarrier.arrive", "elect.sync _|%p2, 0xffffffff; @%p2 mbarrier.arrive");
    assertContains(
        failure(initialised(2) + elected, 64), "race: shared byte", "is read but was written by");
    String synchronised = elected.replace("elect.sync", "bar.warp.sync 0xffffffff; elect.sync");
    assertArrayEquals(out, HopperKernels.run(initialised(2) + synchronised, 64, 64));
  }

  @Test
  void onlyTheLanesThatWaitLearn() {
    // Lane 0 waits for the other warp's write; lane 1 reads it.
    String body =
        initialised(1)
            + "setp.lt.u32 %p3, %r0, 32; @%p3 bra READER;"
            + " setp.ne.u32 %p4, %r0, 32; @%p4 bra DONE; st.shared.u32 [%r1+64], %r0;"
            + " mbarrier.arrive.shared::cta.b64 _, [%r1]; bra DONE;"
            + " READER: setp.ne.u32 %p4, %r0, 0; @%p4 bra MEET; "
            + wait("WAIT", 0)
            + "MEET: @@ ld.shared.u32 %r5, [%r1+64]; "
            + OUT
            + "DONE: ";
    String sync = "bar.warp.sync 0xffffffff;";
    assertEquals(32, HopperKernels.run(body.replace("@@", sync), 64, 32)[1]);
    assertContains(failure(body.replace("@@", ""), 64), "shared byte 64 is read but was");
  }

  @Test
  void phasesAlternate() {
    // One warp counts three phases, the other follows it and answers through a second barrier.
    String body =
        "setp.ne.u32 %p0, %r0, 0; @%p0 bra READY; mbarrier.init.shared::cta.b64 [%r1], 1;"
            + " mbarrier.init.shared::cta.b64 [%r1+8], 32; READY: bar.sync 0;"
            + " setp.ge.u32 %p3, %r0, 32; mov.u32 %r6, 0; mov.u32 %r7, 0; @%p3 bra FOLLOW;"
            + " LEAD: setp.ne.u32 %p4, %r0, 0; @!%p4 st.shared.u32 [%r1+64], %r6;"
            + " @!%p4 mbarrier.arrive.shared::cta.b64 _, [%r1];"
            + " W0: mbarrier.try_wait.parity.shared::cta.b64 %p1, [%r1+8], %r7; @!%p1 bra W0;"
            + " xor.b32 %r7, %r7, 1; add.u32 %r6, %r6, 1; setp.lt.u32 %p5, %r6, 3; @%p5 bra LEAD;"
            + " bra DONE;"
            + " FOLLOW: mov.u32 %r5, 0;"
            + " W1: mbarrier.try_wait.parity.shared::cta.b64 %p1, [%r1], %r7; @!%p1 bra W1;"
            + " ld.shared.u32 %r8, [%r1+64]; shl.b32 %r5, %r5, 4; add.u32 %r5, %r5, %r8;"
            + " mbarrier.arrive.shared::cta.b64 _, [%r1+8];"
            + " xor.b32 %r7, %r7, 1; add.u32 %r6, %r6, 1; setp.lt.u32 %p5, %r6, 3; @%p5 bra W1;"
            + " sub.u32 %r0, %r0, 32; "
            + OUT
            + "DONE: ";
    assertEquals(0x012, HopperKernels.run(body, 64, 32)[7]);
    // Not waiting for the answer lets the leader run ahead of its follower.
    String message = failure(body.replace("@!%p1 bra W0;", ""), 64);
    assertTrue(
        message.contains("race: shared byte 64") || message.contains("parity alias"), message);
  }

  @Test
  void aWaiterMayNotFallTwoPhasesBehind() {
    String body =
        initialised(1)
            + "setp.lt.u32 %p3, %r0, 32; @%p3 bra AHEAD; bar.sync 1, 64; "
            + wait("WAIT", 0)
            + "bra DONE; AHEAD: setp.ne.u32 %p4, %r0, 0;"
            + " @!%p4 mbarrier.arrive.shared::cta.b64 _, [%r1];"
            + " @@ bar.sync 1, 64; DONE: mov.u32 %r5, 1; "
            + OUT;
    assertEquals(1, HopperKernels.run(body.replace("@@", ""), 64, 64)[40]);
    assertContains(
        failure(
            body.replace("bar.sync 1, 64; WAIT", "WAIT")
                .replace("@@ bar.sync 1, 64;", "@!%p4 mbarrier.arrive.shared::cta.b64 _, [%r1];"),
            64),
        "parity alias: phase 0 is waited for by its parity, but 2 phases have completed since");
  }

  @Test
  void barriersAreInitialisedOnceAndForAll() {
    assertContains(
        failure("mbarrier.arrive.shared::cta.b64 _, [%r1];", 32),
        "mbarrier: no memory barrier is initialised at 0");
    assertContains(
        failure("mbarrier.init.shared::cta.b64 [%r1], 1;", 32),
        "the memory barrier at 0 is initialised again");
    assertContains(
        failure("mbarrier.init.shared::cta.b64 [%r1+4], 1;", 32),
        "misaligned: memory barrier at 4");
    assertContains(
        failure("mbarrier.init.shared::cta.b64 [%r1], 0;", 32), "cannot expect 0 arrivals");
    assertContains(
        failure("mbarrier.init.shared::cta.b64 [%r1], 1048576;", 32), "cannot expect 1048576");
    assertContains(
        failure(
            initialised(1).replace("bar.sync 0;", "") + "mbarrier.arrive.shared::cta.b64 _, [%r1];",
            32),
        "initialised by warp 0, lane 0 with no barrier in between");
  }

  @Test
  void invalidatedBarriersAreMemoryAgain() {
    String body =
        initialised(1)
            + "@!%p0 mbarrier.inval.shared::cta.b64 [%r1]; @!%p0 st.shared.u32 [%r1], %r0;"
            + " bar.sync 0; ld.shared.u32 %r5, [%r1]; "
            + OUT;
    assertEquals(0, HopperKernels.run(body, 32, 32)[9]);
    assertContains(
        failure(body.replace("@!%p0 mbarrier.inval.shared::cta.b64 [%r1];", ""), 32),
        "mbarrier: shared access of 4 bytes at 0 touches the memory barrier at 0");
    assertContains(
        failure(
            initialised(2)
                + "@!%p0 mbarrier.arrive.shared::cta.b64 _, [%r1];"
                + " @!%p0 mbarrier.inval.shared::cta.b64 [%r1];",
            32),
        "mbarrier: invalidated while in use: memory barrier 0 at 0, phase 0: 1 of 2 arrivals");
  }

  @Test
  void countsHaveLimits() {
    assertContains(
        failure(initialised(2) + "mbarrier.arrive.shared::cta.b64 _, [%r1], 3;", 32),
        "mbarrier: 96 arrivals in phase 0 of the memory barrier at 0, which expects 2");
    assertContains(
        failure(
            initialised(2)
                + "@!%p0 mbarrier.arrive.expect_tx.shared::cta.b64 _, [%r1], 1048575;"
                + "@!%p0 mbarrier.arrive.expect_tx.shared::cta.b64 _, [%r1], 1;",
            32),
        "1048576 bytes are announced at the memory barrier at 0, more than 1048575");
  }

  @Test
  void deadlocksNameBarriersAndPhases() {
    String message =
        failure(
            initialised(2)
                + "setp.ge.u32 %p3, %r0, 32; @%p3 bra OTHER;"
                + " @!%p0 mbarrier.arrive.shared::cta.b64 _, [%r1]; "
                + wait("WAIT", 0)
                + "bra DONE; OTHER: bar.sync 3, 64; DONE: ",
            64);
    assertContains(
        message,
        "deadlock: no warp of CTA (0, 0, 0) can go on",
        "warp 0 waits at memory barrier 0 at 0, phase 0: 1 of 2 arrivals, 0 bytes to come, 0 under"
            + " way, at PTX line",
        "mbarrier.try_wait.parity.shared::cta.b64 %p1, [%r1], 0;",
        "warp 1 waits at barrier 3 (32 of 64 threads have arrived) at PTX line");
    assertContains(
        failure(
            initialised(2)
                + "setp.ge.u32 %p3, %r2, 16; @%p3 bra OTHER; "
                + wait("WAIT", 0)
                + "bra DONE; OTHER: bar.warp.sync 0xffffffff; DONE: ",
            32),
        "lanes 0000ffff waits at memory barrier 0",
        "lanes ffff0000 waits for other lanes at PTX line");
  }

  @Test
  void aDivergedWaitLetsTheOtherLanesGoOn() {
    // The waiting lanes come first in the code, and only the others end their wait.
    String body =
        initialised(16)
            + "setp.ge.u32 %p3, %r2, 16; @%p3 bra OTHER; "
            + wait("WAIT", 0)
            + "bra DONE; OTHER: mbarrier.arrive.shared::cta.b64 _, [%r1];"
            + " DONE: mov.u32 %r5, 7; "
            + OUT;
    assertEquals(7, HopperKernels.run(body, 32, 32)[3]);
  }
}
