package dev.attune.ptx.emulate;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What the parser reads, and how it refuses the rest. */
final class SyntaxTest {
  private static final int FIRST_LINE = 18;

  @Test
  void readsTheHeader() {
    EmulatedModule module =
        EmulatedModule.parse(
            """
            // comment
            .version 8.0 /* another
            one */
            .target sm_80
            .address_size 64
            .extern .shared .align 128 .b8 smem[];
            .visible .entry first(.param .u32 a, .param .u64 b, .param .align 64 .b8 c[100])
            .reqntid 64, 2
            .minnctapersm 1
            .maxnreg 128
            { .shared .align 4 .b8 x[10]; .reg .b32 r; mov.u32 r, x; $L: exit; }
            .entry second() .maxntid 32, 1, 1 { ret; }
            """);
    assertEquals(List.of("first", "second"), module.entries());
    assertEquals("sm_80", module.target());
    EmulatedEntry first = module.entry("first");
    assertEquals(
        List.of(
            new EntryParameter("a", 0, 4, 4),
            new EntryParameter("b", 8, 8, 8),
            new EntryParameter("c", 64, 100, 64)),
        first.parameters());
    assertEquals(164, first.parameterBytes());
    assertEquals(new Dim3(64, 2, 1), first.reqntid());
    assertEquals(10, first.staticSharedBytes());
    assertNull(module.entry("second").reqntid());
    assertThrows(IllegalArgumentException.class, () -> module.entry("third"));
    IllegalArgumentException e =
        assertThrows(
            IllegalArgumentException.class,
            () ->
                module
                    .entry("second")
                    .launch(
                        new EmulatedMemory(),
                        new LaunchConfig(Dim3.of(1), Dim3.of(64), 0, List.of(), Kernels.options()),
                        new byte[0]));
    assertTrue(
        String.valueOf(e.getMessage()).contains("allows the block (32, 1, 1) at most"),
        String.valueOf(e.getMessage()));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '#',
      quoteCharacter = '"',
      value = {
        "frob.u32 %r1, %r2; # in 'frob.u32': the instruction is not supported",
        "add.u32 %r1, %r2 # expected ';'",
        "add.u32 %r1, %r99, 1; # 'add.u32 %r1, %r99, 1;'",
        "add.u32 %r1, %f2, 1; # '%f2' is .f32, which does not fit an operand of .u32",
        "add.f32 %f1, %f2, 1; # expected a floating-point constant",
        "add.u32 %r1, %rd2, 1; # does not fit an operand of .u32",
        "add.u32 %r1, %r2, 0x123456789; # does not fit .u32",
        "add.u32 %r1, %r2; # expected 3 operands, found 2",
        "add.bf16x2 %r1, %r2, %r3; # not supported",
        "mul.u32 %r1, %r2, %r3; # expected .lo, .hi or .wide",
        "div.f32 %f1, %f2, %f3; # a rounding is missing",
        "fma.f32 %f1, %f2, %f3, %f4; # a rounding is missing",
        "cvt.bf16x2.f32 %r1, %f2, %f3; # the rounding does not fit",
        "cvt.s32.f32 %r1, %f2; # the rounding does not fit",
        "bra NOWHERE; # there is no label 'NOWHERE'",
        "ld.u32 %r1, [%rd1]; # expected one of .global, .shared",
        "ld.global.u32 %r1, [%r2]; # does not fit an operand of .u64",
        "ld.global.u64 %r1, [%rd2]; # '%r1' is .b32, which does not fit .u64",
        "ld.global.u32 %f1, [%rd2]; # '%f1' is .f32, which does not fit .u32",
        "cp.async.cg.shared.global [%r1], [%rd1], 8; # cp.async copies 4, 8 or 16 bytes",
        "mma.sync.aligned.m16n8k16.row.col.f16.f16.f16.f16 %r1, %r2, %r3; # expected .f32",
        "setp.lt.b32 %p1, %r1, %r2; # bits compare only for equality",
        "setp.ltu.s32 %p1, %r1, %r2; # .ltu does not fit .s32",
        "wgmma.fence.aligned; # expected .sync",
        "wgmma.mma_async.sync.aligned.m64n12k16.f32.bf16.bf16 {%f1}; # a multiple of 8",
        "wgmma.mma_async.sync.aligned.m64n264k16.f32.bf16.bf16 {%f1}; # from 8 to 256",
        "wgmma.mma_async.sync.aligned.m64n8k16.f32.f16.bf16 {%f1}; # expected .f16",
        "wgmma.wait_group.sync.aligned 8; # expected a constant from 0 to 7, found 8",
        "bar.red.popc.u32 %r1, 0, %p1; # expected one of .sync, .arrive",
        "mov.u32 %r1, %clock; # '%clock' is not declared",
        "@%r1 ret; # '%r1' is not a predicate",
        ".local .b8 x[4]; # expected an instruction",
        "mov.b32 %r1, 0f123; # expected 8 hexadecimal digits",
        "st.shared.u32 [nothing], %r1; # 'nothing' is not declared",
      })
  void refusesWithLineAndReason(String statement, String reason) {
    PtxSyntaxException e =
        assertThrows(
            PtxSyntaxException.class, () -> EmulatedModule.parse(Kernels.module(statement)));
    assertTrue(e.getMessage().contains(reason), e.getMessage());
    assertTrue(e.line() >= FIRST_LINE && e.line() <= FIRST_LINE + 2, e.getMessage());
  }
}
