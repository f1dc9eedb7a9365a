package dev.attune.ptx.assemble;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.attune.compiler.schedule.Target;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class WarpgroupGateTest {

  /** One product of 64 columns, and code around it. */
  private static String product(String directives, String between, String after) {
    return """
    .version 8.0
    .target sm_90a
    .address_size 64
    .visible .entry product(.param .u64 p_x, .param .u64 p_d)
    %s
    {
      .reg .b64 %%rd<4>;
      .reg .f32 %%f<32>;
      .reg .f32 %%g<512>;
      ld.param.u64 %%rd1, [p_x];
      ld.param.u64 %%rd2, [p_d];
      setmaxnreg.dec.sync.aligned.u32 64;
      wgmma.fence.sync.aligned;
      wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 {%s}, %%rd2, %%rd2, 0, 1, 1, 0, 0;
      wgmma.commit_group.sync.aligned;
      %s
      wgmma.wait_group.sync.aligned 0;
      st.global.f32 [%%rd1], %%f0;
      %s
      ret;
    }
    """
        .formatted(directives, list("%f", 32), between, after);
  }

  private static String list(String prefix, int count) {
    return IntStream.range(0, count).mapToObj(i -> prefix + i).collect(Collectors.joining(", "));
  }

  private static final String DIRECTIVES = ".reqntid 128, 1, 1\n.minnctapersm 1";

  private static String refusal(String ptx) {
    AssemblyException e =
        assertThrows(AssemblyException.class, () -> Assembler.build(ptx, Target.SM_90A));
    String message = String.valueOf(e.getMessage());
    assertTrue(message.startsWith("the assembler did not take the kernel as it was"), message);
    return message;
  }

  @Test
  void takesWhatIsAsWritten() {
    assertEquals(1, Assembler.build(product(DIRECTIVES, "", ""), Target.SM_90A).entries().size());
  }

  @Test
  void refusesAnIgnoredSetmaxnreg() {
    String message = refusal(product("", "", ""));
    assertTrue(message.contains("(C7508)"), message);
    assertTrue(message.contains("state .reqntid and .minnctapersm 1"), message);
  }

  @Test
  void refusesASetmaxnregThatTheCodeDoesNotFit() {
    String message = refusal(product(DIRECTIVES, "", "").replace("u32 64", "u32 24"));
    assertTrue(message.contains("(C7507)"), message);
    assertTrue(message.contains("a role needs more registers than it sets"), message);
  }

  @Test
  void refusesSerializedProducts() {
    String message = refusal(product(DIRECTIVES, "st.global.f32 [%rd1+4], %f1;", ""));
    assertTrue(message.contains("(C75"), message);
    assertTrue(message.contains("leave accumulators and A registers alone"), message);
  }

  @Test
  void refusesSpills() {
    StringBuilder many = new StringBuilder();
    for (int i = 0; i < 300; i++) {
      many.append("ld.volatile.global.f32 %%g%d, [%%rd1+%d];%n".formatted(i, 4 * i));
    }
    for (int i = 0; i < 300; i++) {
      many.append("st.volatile.global.f32 [%%rd1+%d], %%g%d;%n".formatted(4 * i, 299 - i));
    }
    String message = refusal(product(DIRECTIVES, "", many.toString()));
    assertTrue(message.contains("product keeps"), message);
    assertTrue(message.contains("smaller tiles or more registers"), message);
  }

  @Test
  void concernsKernelsOfWarpgroupsOnly() {
    assertTrue(WarpgroupGate.applies(product(DIRECTIVES, "", "")));
    assertFalse(WarpgroupGate.applies(AssemblerTest.SCALE));
    assertFalse(WarpgroupGate.applies("// wgmma.fence is not used here\nret;\n"));
  }
}
