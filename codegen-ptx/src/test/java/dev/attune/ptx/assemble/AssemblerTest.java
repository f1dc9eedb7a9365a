package dev.attune.ptx.assemble;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.attune.compiler.schedule.Target;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class AssemblerTest {
  static final String SCALE =
      """
      .version 8.0
      .target sm_80
      .address_size 64
      .visible .entry scale(.param .u64 p_x, .param .f32 p_a)
      {
        .reg .b32 %r<4>;
        .reg .b64 %rd<4>;
        .reg .f32 %f<4>;
        .shared .align 16 .b8 tile[512];
        mov.u32 %r1, %tid.x;
        ld.param.u64 %rd1, [p_x];
        mul.wide.u32 %rd2, %r1, 4;
        add.s64 %rd3, %rd1, %rd2;
        ld.global.f32 %f1, [%rd3];
        ld.param.f32 %f2, [p_a];
        mul.f32 %f3, %f1, %f2;
        mov.u32 %r2, tile;
        shl.b32 %r3, %r1, 2;
        add.s32 %r2, %r2, %r3;
        st.shared.f32 [%r2], %f3;
        bar.sync 0;
        ld.shared.f32 %f1, [tile];
        st.global.f32 [%rd3], %f1;
        ret;
      }
      """;

  @Test
  void assemblesForEveryTarget() {
    for (Target target : Target.values()) {
      String ptx = SCALE.replace("sm_80", target.ptxName());
      Assembly assembly = Assembler.assemble(ptx, target);
      assertEquals("\177ELF", new String(assembly.cubin(), 0, 4, StandardCharsets.ISO_8859_1));
      assertEquals(
          List.of("scale"), assembly.entries().stream().map(Assembly.Entry::name).toList());
      assertEquals(512, assembly.sharedBytes());
      assertEquals(0, assembly.spillStores() + assembly.spillLoads() + assembly.stackBytes());
      assertTrue(assembly.registers() >= 4 && assembly.registers() <= 32, assembly.toString());
      assertEquals(List.of(), assembly.notices());
    }
  }

  @Test
  void reportsSpills() {
    StringBuilder body = new StringBuilder();
    for (int i = 0; i < 64; i++) {
      body.append("ld.volatile.global.f32 %%f%d, [%%rd1+%d];%n".formatted(i, 4 * i));
    }
    for (int i = 0; i < 64; i++) {
      body.append("st.volatile.global.f32 [%%rd1+%d], %%f%d;%n".formatted(4 * i, 63 - i));
    }
    Assembly assembly =
        Assembler.assemble(
            """
            .version 8.0
            .target sm_80
            .address_size 64
            .visible .entry spilling(.param .u64 p_x)
            .maxnreg 32
            {
              .reg .b64 %rd<2>;
              .reg .f32 %f<64>;
              ld.param.u64 %rd1, [p_x];
            """
                + body
                + "ret;\n}\n",
            Target.SM_80);
    assertTrue(assembly.spillStores() > 0, assembly.toString());
    assertTrue(assembly.spillLoads() > 0, assembly.toString());
    assertTrue(assembly.entry("spilling").stackBytes() > 0, assembly.toString());
    assertThrows(IllegalArgumentException.class, () -> assembly.entry("scale"));
  }

  @Test
  void reportsSerializedWgmma() {
    // The accumulators are read without a wait for the product.
    String ptx =
        """
        .version 8.0
        .target sm_90a
        .address_size 64
        .visible .entry product(.param .u64 p_x, .param .u64 p_d)
        {
          .reg .b64 %rd<4>;
          .reg .f32 %f<4>;
          ld.param.u64 %rd1, [p_x];
          ld.param.u64 %rd2, [p_d];
          ld.global.f32 %f0, [%rd1];
          ld.global.f32 %f1, [%rd1+4];
          ld.global.f32 %f2, [%rd1+8];
          ld.global.f32 %f3, [%rd1+12];
          wgmma.fence.sync.aligned;
          wgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16 {%f0,%f1,%f2,%f3}, %rd2, %rd2, 1, 1, 1, 0, 0;
          wgmma.commit_group.sync.aligned;
          st.global.f32 [%rd1], %f0;
          st.global.f32 [%rd1+4], %f1;
          st.global.f32 [%rd1+8], %f2;
          st.global.f32 [%rd1+12], %f3;
          ret;
        }
        """;
    Assembly assembly = Assembler.assemble(ptx, Target.SM_90A);
    assertTrue(
        assembly.notices().stream().anyMatch(Notice::serializes), assembly.notices().toString());
  }

  @Test
  void errorsQuoteTheirLines() {
    String ptx = SCALE.replace("mul.f32 %f3", "mul.fp32 %f3").replace("bar.sync 0", "bar.sink 0");
    AssemblyException e =
        assertThrows(AssemblyException.class, () -> Assembler.assemble(ptx, Target.SM_80));
    String message = String.valueOf(e.getMessage());
    assertTrue(message.contains("mul.fp32 %f3, %f1, %f2;"), message);
    assertTrue(message.contains("bar.sink 0;"), message);
    assertTrue(message.contains("sm_80"), message);
    assertEquals(OptionalInt.of(16), e.errors().getFirst().line());
  }

  @Test
  void refusesWhatItDoesNotKnow() {
    AssemblyException target =
        assertThrows(AssemblyException.class, () -> Assembler.assemble(SCALE, "sm_100"));
    assertEquals(
        "the assembler, version 12.0, does not know the target sm_100", target.getMessage());
    AssemblyException version =
        assertThrows(
            AssemblyException.class,
            () -> Assembler.assemble(SCALE.replace(".version 8.0", ".version 8.5"), Target.SM_80));
    assertTrue(String.valueOf(version.getMessage()).contains("Unsupported .version 8.5"));
    AssemblyException nul =
        assertThrows(AssemblyException.class, () -> Assembler.assemble(SCALE + '\0', Target.SM_80));
    assertEquals("PTX text must not contain a NUL", nul.getMessage());
    assertThrows(AssemblyException.class, () -> Assembler.assemble("", Target.SM_80));
  }

  @Test
  void concurrentCallsAgree() {
    byte[] alone = Assembler.assemble(SCALE, Target.SM_80).cubin();
    List<byte[]> together =
        IntStream.range(0, 32)
            .parallel()
            .mapToObj(i -> Assembler.assemble(SCALE, Target.SM_80).cubin())
            .toList();
    together.forEach(cubin -> assertArrayEquals(alone, cubin, () -> Arrays.toString(cubin)));
  }
}
