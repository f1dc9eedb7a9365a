package dev.attune.ptx.emulate;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Kernels of one warpgroup for tests of {@code wgmma}: they copy an image to shared memory, run
 * some code on accumulators {@code d0…}, and write these to global memory.
 */
final class WarpgroupKernel {
  static final int THREADS = 128;

  private WarpgroupKernel() {}

  /** A descriptor as the PTX ISA lays it out; swizzle 0, 1, 2, 3 is none, 128, 64, 32 bytes. */
  static long descriptor(int start, int leading, int stride, int base, int swizzle) {
    return field(start, 0)
        | field(leading, 16)
        | field(stride, 32)
        | ((long) base << 49)
        | ((long) swizzle << 62);
  }

  private static long field(int bytes, int at) {
    return ((bytes & 0x3FFFFL) >> 4) << at;
  }

  /** The accumulators of N columns in braces. */
  static String accumulators(int columns) {
    return IntStream.range(0, columns / 2)
        .mapToObj(i -> "d" + i)
        .collect(Collectors.joining(",", "{", "}"));
  }

  /** A multiplication with both operands in shared memory. */
  static String shared(
      int columns, String type, long a, long b, String scaleD, String scalesAndTransposes) {
    return "mov.b64 da, %d; mov.b64 db, %d;\n".formatted(a, b)
        + "wgmma.mma_async.sync.aligned.m64n%dk16.f32.%s.%s %s, da, db, %s, %s;\n"
            .formatted(columns, type, type, accumulators(columns), scaleD, scalesAndTransposes);
  }

  /** A multiplication with A in registers {@code a[first]} to {@code a[first + 3]}. */
  static String registers(int columns, int first, long b, String scaleD, String rest) {
    return "mov.b64 db, %d;\n".formatted(b)
        + "wgmma.mma_async.sync.aligned.m64n%dk16.f32.bf16.bf16 %s, {a%d,a%d,a%d,a%d}, db, %s, %s;\n"
            .formatted(
                columns,
                accumulators(columns),
                first,
                first + 1,
                first + 2,
                first + 3,
                scaleD,
                rest);
  }

  /**
   * The module.
   *
   * @param image bytes of shared memory to fill
   * @param fragments words that each thread loads to {@code a0…}
   */
  static String module(String code, int columns, int image, int fragments) {
    StringBuilder text =
        new StringBuilder(
            """
            .version 8.0
            .target sm_90a
            .address_size 64
            .extern .shared .align 1024 .b8 smem[];
            .visible .entry k(.param .u64 in, .param .u64 out) .reqntid 128, 1, 1
            {
            .reg .pred p, q, yes, no; .reg .b32 r<20>, a<64>; .reg .f32 d<128>, x;
            .reg .b64 rd<10>, da, db;
            ld.param.u64 rd0, [in]; ld.param.u64 rd1, [out];
            mov.u32 r0, %tid.x; mov.u32 r1, smem; shl.b32 r2, r0, 4;
            setp.eq.u32 yes, r0, r0; setp.ne.u32 no, r0, r0;
            """);
    text.append("FILL: setp.ge.u32 p, r2, ").append(image).append("; @p bra FILLED;\n");
    text.append(
        """
        cvt.u64.u32 rd2, r2; add.u64 rd2, rd2, rd0; ld.global.v4.u32 {r4, r5, r6, r7}, [rd2];
        add.u32 r3, r1, r2; st.shared.v4.u32 [r3], {r4, r5, r6, r7}; add.u32 r2, r2, 2048; bra FILL;
        FILLED: fence.proxy.async.shared::cta; bar.sync 0;
        mul.wide.u32 rd3, r0, 4; add.u64 rd4, rd3, rd0; add.u64 rd5, rd3, rd1;
        """);
    for (int i = 0; i < fragments; i++) {
      text.append("ld.global.u32 a%d, [rd4+%d];\n".formatted(i, image + (4 * THREADS * i)));
    }
    text.append(code);
    for (int i = 0; i < columns / 2; i++) {
      text.append("st.global.f32 [rd5+%d], d%d;\n".formatted(4 * THREADS * i, i));
    }
    return text.append("ret;\n}\n").toString();
  }

  /** Runs a module; returns 64 rows of the accumulators. */
  static float[][] run(
      String module, int columns, int image, byte[] input, EmulatorOptions options) {
    EmulatedMemory memory = new EmulatedMemory();
    long in = memory.allocate(input.length);
    memory.write(in, input);
    memory.freeze(in);
    long bytes = 4L * THREADS * columns / 2;
    long out = memory.allocate(bytes);
    EmulatedModule.parse(module)
        .entry("k")
        .launch(
            memory,
            new LaunchConfig(
                Dim3.of(1),
                Dim3.of(THREADS),
                image,
                List.of(OutputRegion.contiguous("out", out, bytes)),
                options),
            Kernels.parameters(in, out));
    int[] words = Kernels.words(memory, out, THREADS * columns / 2);
    float[][] result = new float[64][columns];
    for (int i = 0; i < columns / 2; i++) {
      for (int thread = 0; thread < THREADS; thread++) {
        // "Register fragments for wgmma.mma_async.m64nNk16" in the PTX ISA.
        int lane = thread % 32;
        int row = 16 * (thread / 32) + lane / 4 + (i % 4 < 2 ? 0 : 8);
        int column = i / 4 * 8 + lane % 4 * 2 + i % 2;
        result[row][column] = Float.intBitsToFloat(words[THREADS * i + thread]);
      }
    }
    return result;
  }

  /** Puts a 16-bit value in an image. */
  static void put(byte[] image, int address, int half) {
    ByteBuffer.wrap(image).order(ByteOrder.LITTLE_ENDIAN).putShort(address, (short) half);
  }
}
