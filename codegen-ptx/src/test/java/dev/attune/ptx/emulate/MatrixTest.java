package dev.attune.ptx.emulate;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/**
 * The layouts of {@code mma} and {@code ldmatrix}, written out here from the text of the PTX ISA
 * ("Matrix fragments for mma.m16n8k16"), and the sums of the tensor core.
 */
final class MatrixTest {

  /** Row of element i of A, from the ISA: groupID for i = 0, 1, 4, 5 and groupID + 8 otherwise. */
  private static int rowA(int lane, int i) {
    return (lane >> 2) + (i % 4 < 2 ? 0 : 8);
  }

  private static int columnA(int lane, int i) {
    return (lane % 4 * 2) + (i & 1) + (i >= 4 ? 8 : 0);
  }

  private static int rowB(int lane, int i) {
    return (lane % 4 * 2) + (i & 1) + (i >= 2 ? 8 : 0);
  }

  private static int columnB(int lane) {
    return lane >> 2;
  }

  private static int rowC(int lane, int i) {
    return (lane >> 2) + (i < 2 ? 0 : 8);
  }

  private static int columnC(int lane, int i) {
    return (lane % 4 * 2) + (i & 1);
  }

  /** Runs mma on operands given by fragment elements; returns the 16 × 8 result. */
  private static float[] multiply(
      String target, int k, boolean bf16, float[] a, float[] b, float[] c) {
    int registersA = k / 4;
    int registersB = k / 8;
    int perLane = registersA + registersB + 4;
    ByteBuffer input = ByteBuffer.allocate(32 * 4 * perLane).order(ByteOrder.LITTLE_ENDIAN);
    for (int lane = 0; lane < 32; lane++) {
      for (int i = 0; i < 2 * registersA; i++) {
        input.putShort(half(bf16, a[(rowA(lane, i) * k) + columnA(lane, i)]));
      }
      for (int i = 0; i < 2 * registersB; i++) {
        input.putShort(half(bf16, b[(rowB(lane, i) * 8) + columnB(lane)]));
      }
      for (int i = 0; i < 4; i++) {
        input.putFloat(c[(rowC(lane, i) * 8) + columnC(lane, i)]);
      }
    }
    StringBuilder body = new StringBuilder();
    body.append("mul.lo.u32 %r1, %r0, ").append(4 * perLane).append(";\n");
    body.append("cvt.u64.u32 %rd5, %r1; add.u64 %rd5, %rd5, %rd0;\n");
    for (int i = 0; i < registersA + registersB; i++) {
      body.append("ld.global.nc.b32 %r").append(10 + i).append(", [%rd5+").append(4 * i);
      body.append("];\n");
    }
    for (int i = 0; i < 4; i++) {
      body.append("ld.global.f32 %f").append(i).append(", [%rd5+");
      body.append(4 * (registersA + registersB + i)).append("];\n");
    }
    String type = bf16 ? "bf16" : "f16";
    body.append("mma.sync.aligned.m16n8k").append(k).append(".row.col.f32.").append(type);
    body.append(".").append(type).append(".f32 {%f4, %f5, %f6, %f7}, ");
    body.append(k == 16 ? "{%r10, %r11, %r12, %r13}, {%r14, %r15}, " : "{%r10, %r11}, {%r12}, ");
    body.append("{%f0, %f1, %f2, %f3};\n");
    body.append("mul.wide.u32 %rd6, %r0, 16; add.u64 %rd6, %rd6, %rd1;\n");
    body.append("st.global.v4.f32 [%rd6], {%f4, %f5, %f6, %f7};\n");
    EmulatedMemory memory = new EmulatedMemory();
    long in = memory.allocate(input.capacity());
    memory.write(in, input.flip());
    long out = memory.allocate(512);
    EmulatedModule.parse(Kernels.module(body.toString()).replace("sm_80", target))
        .entry("k")
        .launch(
            memory,
            new LaunchConfig(
                Dim3.of(1),
                Dim3.of(32),
                0,
                List.of(OutputRegion.contiguous("out", out, 512)),
                Kernels.options()),
            Kernels.parameters(in, out));
    int[] words = Kernels.words(memory, out, 128);
    float[] result = new float[128];
    for (int lane = 0; lane < 32; lane++) {
      for (int i = 0; i < 4; i++) {
        result[(rowC(lane, i) * 8) + columnC(lane, i)] =
            Float.intBitsToFloat(words[(4 * lane) + i]);
      }
    }
    return result;
  }

  private static short half(boolean bf16, float value) {
    return (short) (bf16 ? Scalars.toBf16(value) : Scalars.toF16(value));
  }

  @Test
  void multipliesSmallIntegersExactly() {
    SplittableRandom random = new SplittableRandom(5);
    for (int k : new int[] {8, 16}) {
      for (boolean bf16 : new boolean[] {true, false}) {
        float[] a = integers(random, 16 * k);
        float[] b = integers(random, 8 * k);
        float[] c = integers(random, 128);
        float[] expected = c.clone();
        for (int row = 0; row < 16; row++) {
          for (int column = 0; column < 8; column++) {
            for (int i = 0; i < k; i++) {
              expected[(row * 8) + column] += a[(row * k) + i] * b[(i * 8) + column];
            }
          }
        }
        assertArrayEquals(expected, multiply("sm_80", k, bf16, a, b, c));
        assertArrayEquals(expected, multiply("sm_90", k, bf16, a, b, c));
      }
    }
  }

  private static float[] integers(SplittableRandom random, int count) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = random.nextInt(-100, 101);
    }
    return values;
  }

  /** One dot product of row 0 and column 0. */
  private static float dot(String target, boolean bf16, float c, float[] a, float[] b) {
    float[] left = new float[256];
    float[] right = new float[128];
    float[] sums = new float[128];
    sums[0] = c;
    System.arraycopy(a, 0, left, 0, a.length);
    for (int i = 0; i < b.length; i++) {
      right[8 * i] = b[i];
    }
    return multiply(target, 16, bf16, left, right, sums)[0];
  }

  private static float[] list(float... values) {
    return values;
  }

  @Test
  void cutsOffInsteadOfRounding() {
    // 1 + 2⁻²⁴ · 1.5 rounds to nearest as 1 + 2⁻²³, but is cut off to 1.
    assertEquals(1f, dot("sm_80", true, 1f, list(1.5f), list(0x1p-24f)));
    assertEquals(-1f, dot("sm_80", true, -1f, list(-1.5f), list(0x1p-24f)));
    // The bits below the alignment are lost one by one, and together only within one block.
    float[] tiny = new float[8];
    java.util.Arrays.fill(tiny, 0x1p-13f);
    float[] ones = new float[8];
    java.util.Arrays.fill(ones, 0x1p-13f);
    assertEquals(1f, dot("sm_80", true, 1f, tiny, ones), "eight times 2⁻²⁶ below 24 bits");
    java.util.Arrays.fill(ones, 0x1p-11f);
    assertEquals(1f + 0x1p-21f, dot("sm_80", true, 1f, tiny, ones), "eight times 2⁻²⁴");
    java.util.Arrays.fill(ones, 0x1p-12f);
    assertEquals(1f, dot("sm_80", true, 1f, tiny, ones), "eight times 2⁻²⁵ is lost on Ampere");
    assertEquals(1f + 0x1p-22f, dot("sm_90", true, 1f, tiny, ones), "and kept on Hopper");
  }

  @Test
  void blocksAreAddedOneAfterAnother() {
    // The large products cancel; what was added next to them in one block is cut off there.
    float[] a = new float[16];
    float[] b = new float[16];
    java.util.Arrays.fill(b, 1f);
    a[0] = 0x1p30f;
    a[1] = -0x1p30f;
    a[8] = 1f;
    assertEquals(1f, dot("sm_80", true, 0f, a, b), "the second block begins with an exact zero");
    assertEquals(0f, dot("sm_90", true, 0f, a, b), "one block of sixteen");
  }

  @Test
  void handlesInfinitiesNansAndSubnormals() {
    float infinite = Float.POSITIVE_INFINITY;
    assertEquals(infinite, dot("sm_80", true, 0f, list(infinite), list(2f)));
    assertTrue(Float.isNaN(dot("sm_80", true, 0f, list(infinite), list(0f))));
    assertTrue(Float.isNaN(dot("sm_80", true, -infinite, list(infinite), list(1f))));
    assertEquals(-infinite, dot("sm_80", true, -infinite, list(5f), list(1f)));
    assertEquals(infinite, dot("sm_80", true, Float.MAX_VALUE, list(0x1p127f), list(1f)));
    assertEquals(0x1p-133f, dot("sm_80", true, 0f, list(0x1p-133f), list(1f)));
    assertEquals(0x1p-48f, dot("sm_80", false, 0f, list(0x1p-24f), list(0x1p-24f)));
    assertEquals(0x1p-149f, dot("sm_80", true, 0x1p-149f, list(0f), list(1f)));
  }

  @Test
  void loadsMatricesByTheirRows() {
    for (boolean transposed : new boolean[] {false, true}) {
      for (int count : new int[] {1, 2, 4}) {
        // Row r of matrix i lies at 16 · (8i + (r xor 5)); element (r, c) of matrix i is 64i + 8r +
        // c.
        int[] input = new int[128];
        for (int matrix = 0; matrix < 4; matrix++) {
          for (int row = 0; row < 8; row++) {
            for (int column = 0; column < 8; column += 2) {
              int value = (64 * matrix) + (8 * row) + column;
              input[(4 * ((8 * matrix) + (row ^ 5))) + (column / 2)] = value | (value + 1) << 16;
            }
          }
        }
        String registers =
            List.of("", "%r10", "%r10, %r11", "", "%r10, %r11, %r12, %r13").get(count);
        StringBuilder body = new StringBuilder();
        body.append(
            """
            .shared .align 16 .b8 smem[512];
            mov.u32 %r1, smem; shl.b32 %r2, %r0, 4; add.u32 %r2, %r2, %r1;
            mul.wide.u32 %rd5, %r0, 16; add.u64 %rd5, %rd5, %rd0;
            cp.async.cg.shared.global [%r2], [%rd5], 16;
            cp.async.wait_all;
            bar.warp.sync -1;
            xor.b32 %r3, %r0, 5; shl.b32 %r3, %r3, 4; add.u32 %r3, %r3, %r1;
            """);
        body.append("ldmatrix.sync.aligned.m8n8.x").append(count);
        body.append(transposed ? ".trans" : "").append(".shared.b16 {").append(registers);
        body.append("}, [%r3];\n");
        for (int i = 0; i < count; i++) {
          body.append("st.global.b32 [%rd4+").append(128 * i).append("], %r").append(10 + i);
          body.append(";\n");
        }
        int[] out = Kernels.run(body.toString(), 32, 32 * count, input);
        for (int matrix = 0; matrix < count; matrix++) {
          for (int lane = 0; lane < 32; lane++) {
            int first = lane / 4;
            int second = 2 * (lane % 4);
            int low = (64 * matrix) + (transposed ? (8 * second) + first : (8 * first) + second);
            int high = low + (transposed ? 8 : 1);
            assertEquals(low | high << 16, out[(32 * matrix) + lane], "lane " + lane);
          }
        }
      }
    }
  }

  @Test
  void storesMatricesByTheirRows() {
    for (boolean transposed : new boolean[] {false, true}) {
      for (int count : new int[] {1, 2, 4}) {
        // Element (r, c) of matrix i is 64i + 8r + c; row r goes to 16 · (8i + (r xor 5)).
        int[] input = new int[32 * count];
        for (int i = 0; i < input.length; i++) {
          int first = i % 32 / 4;
          int second = 2 * (i % 4);
          int low = 64 * (i / 32) + (transposed ? 8 * second + first : 8 * first + second);
          input[i] = low | (low + (transposed ? 8 : 1)) << 16;
        }
        StringBuilder body =
            new StringBuilder(
                """
                .shared .align 16 .b8 smem[512];
                mov.u32 %r1, smem;
                xor.b32 %r3, %r0, 5; shl.b32 %r3, %r3, 4; add.u32 %r3, %r3, %r1;
                """);
        for (int i = 0; i < count; i++) {
          body.append("ld.global.b32 %%r%d, [%%rd3+%d];\n".formatted(10 + i, 128 * i));
        }
        String registers =
            List.of("", "%r10", "%r10, %r11", "", "%r10, %r11, %r12, %r13").get(count);
        body.append("stmatrix.sync.aligned.m8n8.x").append(count);
        body.append(transposed ? ".trans" : "").append(".shared.b16 [%r3], {");
        body.append(registers).append("};\nbar.warp.sync -1;\n");
        body.append("shl.b32 %r4, %r0, 2; add.u32 %r4, %r4, %r1;\n");
        for (int i = 0; i < count; i++) {
          body.append("ld.shared.b32 %%r20, [%%r4+%d];\n".formatted(128 * i));
          body.append("st.global.b32 [%%rd4+%d], %%r20;\n".formatted(128 * i));
        }
        int[] out = Kernels.run(body.toString(), 32, 32 * count, input);
        for (int i = 0; i < out.length; i++) {
          int low = 64 * (i / 32) + 8 * ((i % 32 / 4) ^ 5) + 2 * (i % 4);
          assertEquals(low | (low + 1) << 16, out[i], "word " + i);
        }
      }
    }
  }
}
