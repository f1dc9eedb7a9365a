package dev.attune.ptx.emulate;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;

/** Helpers to run small kernels. */
final class Kernels {
  private Kernels() {}

  /** A module with one entry {@code k(in, out)} and the registers that the tests use. */
  static String module(String body) {
    return """
    .version 8.0
    .target sm_80
    .address_size 64
    .visible .entry k(.param .u64 in, .param .u64 out)
    {
    .reg .b16 %h<10>;
    .reg .b32 %r<40>;
    .reg .f32 %f<40>;
    .reg .b64 %rd<20>;
    .reg .pred %p<10>;
    ld.param.u64 %rd0, [in];
    ld.param.u64 %rd1, [out];
    cvta.to.global.u64 %rd0, %rd0;
    cvta.to.global.u64 %rd1, %rd1;
    mov.u32 %r0, %tid.x;
    mul.wide.u32 %rd2, %r0, 4;
    add.u64 %rd3, %rd0, %rd2;
    add.u64 %rd4, %rd1, %rd2;
    """
        + body
        + "\nret;\n}\n";
  }

  static byte[] parameters(long... pointers) {
    ByteBuffer block = ByteBuffer.allocate(8 * pointers.length).order(ByteOrder.LITTLE_ENDIAN);
    for (long pointer : pointers) {
      block.putLong(pointer);
    }
    return block.array();
  }

  static byte[] bytes(int... words) {
    ByteBuffer block = ByteBuffer.allocate(4 * words.length).order(ByteOrder.LITTLE_ENDIAN);
    for (int word : words) {
      block.putInt(word);
    }
    return block.array();
  }

  static int[] words(EmulatedMemory memory, long address, int count) {
    ByteBuffer block = ByteBuffer.allocate(4 * count).order(ByteOrder.LITTLE_ENDIAN);
    memory.read(address, block.duplicate());
    int[] words = new int[count];
    for (int i = 0; i < count; i++) {
      words[i] = block.getInt(4 * i);
    }
    return words;
  }

  static EmulatorOptions options() {
    return new EmulatorOptions(1, AsyncPolicy.LATEST, WarpOrder.ROUND_ROBIN, 1, 1_000_000);
  }

  /** Runs {@code k} with that many threads; returns the words of the output. */
  static int[] run(String body, int threads, int outputWords, int... input) {
    EmulatedMemory memory = new EmulatedMemory();
    long in = memory.allocate(Math.max(4, 4L * input.length));
    memory.write(in, bytes(input));
    memory.freeze(in);
    long out = memory.allocate(4L * outputWords);
    EmulatedModule.parse(module(body))
        .entry("k")
        .launch(
            memory,
            new LaunchConfig(
                Dim3.of(1),
                Dim3.of(threads),
                0,
                List.of(OutputRegion.contiguous("out", out, 4L * outputWords)),
                options()),
            parameters(in, out));
    return words(memory, out, outputWords);
  }
}
