package dev.attune.ptx.assemble;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.attune.ptx.assemble.Notice.Severity;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;

class AssemblerLogTest {
  private static final String TWO =
      """
      ptxas info    : 0 bytes gmem, 24 bytes cmem[4]
      ptxas info    : Compiling entry function 'first' for 'sm_90a'
      ptxas info    : (C7510) Potential Performance Loss: wgmma.mma_async instructions are serialized
      ptxas info    : Function properties for first
      ptxas         .     8 bytes stack frame, 12 bytes spill stores, 16 bytes spill loads
      ptxas info    : Used 168 registers, used 2 barriers, 1024+32 bytes smem, 376 bytes cmem[0]
      ptxas info    : Compiling entry function 'second' for 'sm_90a'
      ptxas info    : Function properties for helper
      ptxas         .     400 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
      ptxas info    : Function properties for second
          0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
      ptxas info    : Used 10 registers, 376 bytes cmem[0]
      ptxas application ptx input, line 7; warning : Dubious
      something nobody has seen
      """;

  @Test
  void readsEveryEntryAndKeepsEveryNotice() {
    AssemblerLog log = AssemblerLog.parse(TWO);
    assertEquals(
        List.of(
            new Assembly.Entry("first", 168, 12, 16, 8, 1056),
            new Assembly.Entry("second", 10, 0, 0, 0, 0)),
        log.entries());
    assertEquals(
        List.of(
            new Notice(
                Severity.INFO,
                Optional.of("C7510"),
                OptionalInt.empty(),
                "Potential Performance Loss: wgmma.mma_async instructions are serialized"),
            new Notice(Severity.WARNING, Optional.empty(), OptionalInt.of(7), "Dubious"),
            new Notice(
                Severity.INFO, Optional.empty(), OptionalInt.empty(), "something nobody has seen")),
        log.notices());
    assertTrue(log.notices().getFirst().serializes());
  }

  @Test
  void refusesAnEntryWithoutCosts() {
    assertThrows(
        AssemblyException.class,
        () -> AssemblerLog.parse("ptxas info : Compiling entry function 'f' for 'sm_80'"));
    assertThrows(
        AssemblyException.class, () -> AssemblerLog.parse("ptxas info : Used 10 registers"));
  }

  @Test
  void leavesOutTheClosingRemarkOfAFailure() {
    assertEquals(
        List.of(new Notice(Severity.ERROR, Optional.empty(), OptionalInt.of(3), "No")),
        AssemblerLog.errors(
            """
            ptxas application ptx input, line 3; error   : No
            ptxas fatal   : Ptx assembly aborted due to errors
            """));
  }
}
