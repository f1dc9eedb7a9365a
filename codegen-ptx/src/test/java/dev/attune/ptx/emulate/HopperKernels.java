package dev.attune.ptx.emulate;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.stream.IntStream;

/** Helpers to run small kernels with tensor maps. */
final class HopperKernels {
  static final int SHARED_BYTES = 32768;

  private HopperKernels() {}

  /**
   * A module with one entry {@code k(from, to, in, out)} whose first two parameters are tensor
   * maps. Thread, shared base and lane are in {@code %r0} to {@code %r2}, the maps' generic
   * addresses in {@code %rd0} and {@code %rd1}, the pointers in {@code %rd2} and {@code %rd3}.
   */
  static String module(String body) {
    return """
    .version 8.0
    .target sm_90a
    .address_size 64
    .extern .shared .align 1024 .b8 smem[];
    .visible .entry k(
        .param .align 64 .b8 from[128],
        .param .align 64 .b8 to[128],
        .param .u64 in,
        .param .u64 out
    )
    {
    .reg .b32 %r<80>;
    .reg .b64 %rd<20>;
    .reg .pred %p<20>;
    mov.u32 %r0, %tid.x;
    mov.u32 %r1, smem;
    and.b32 %r2, %r0, 31;
    mov.b64 %rd0, from;
    cvta.param.u64 %rd0, %rd0;
    mov.b64 %rd1, to;
    cvta.param.u64 %rd1, %rd1;
    ld.param.u64 %rd2, [in];
    ld.param.u64 %rd3, [out];
    """
        + body
        + "\nret;\n}\n";
  }

  /** A tensor of 16-bit numbers in memory, without gaps. */
  record Tensor(long address, List<Long> dims) {
    long elements() {
      return dims.stream().reduce(1L, Math::multiplyExact);
    }

    OutputRegion output() {
      return OutputRegion.contiguous("tensor", address, 2 * elements());
    }

    TensorMap map(List<Integer> box, TensorMap.Swizzle swizzle) {
      long row = 2 * dims.get(0);
      long head = row * dims.get(1);
      List<Long> strides = List.of(row, head, head * dims.get(2));
      return new TensorMap(address, 2, dims, strides, box, swizzle);
    }
  }

  /** A tensor of these extents, uninitialised. */
  static Tensor tensor(EmulatedMemory memory, long... dims) {
    Tensor shape = new Tensor(0, java.util.Arrays.stream(dims).boxed().toList());
    return new Tensor(memory.allocate(2 * shape.elements()), shape.dims());
  }

  /** Fills a tensor with 1, 2, 3, … and makes it read-only. */
  static void count(EmulatedMemory memory, Tensor tensor) {
    ByteBuffer bytes =
        ByteBuffer.allocate((int) (2 * tensor.elements())).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 1; bytes.hasRemaining(); i++) {
      bytes.putShort((short) i);
    }
    memory.write(tensor.address(), bytes.array());
    memory.freeze(tensor.address());
  }

  static int[] halves(EmulatedMemory memory, long address, int count) {
    int[] words = Kernels.words(memory, address, (count + 1) / 2);
    return IntStream.range(0, count).map(i -> words[i / 2] >>> (16 * (i & 1)) & 0xFFFF).toArray();
  }

  static byte[] parameters(TensorMap from, TensorMap to, long in, long out) {
    return ByteBuffer.allocate((2 * TensorMap.BYTES) + 16)
        .order(ByteOrder.LITTLE_ENDIAN)
        .put(from.encode())
        .put(to.encode())
        .putLong(in)
        .putLong(out)
        .array();
  }

  static EmulatorOptions options(long seed, AsyncPolicy async, WarpOrder order) {
    return new EmulatorOptions(seed, async, order, 1, 1_000_000);
  }

  static LaunchReport launch(
      String body,
      int ctas,
      int threads,
      EmulatedMemory memory,
      byte[] parameters,
      List<OutputRegion> outputs,
      EmulatorOptions options) {
    return EmulatedModule.parse(module(body))
        .entry("k")
        .launch(
            memory,
            new LaunchConfig(Dim3.of(ctas), Dim3.of(threads), SHARED_BYTES, outputs, options),
            parameters);
  }

  /** Runs a kernel that needs no tensor maps; returns the words of the output. */
  static int[] run(String body, int threads, int words) {
    EmulatedMemory memory = new EmulatedMemory();
    long out = memory.allocate(4L * words);
    launch(
        body,
        1,
        threads,
        memory,
        ByteBuffer.allocate((2 * TensorMap.BYTES) + 16)
            .order(ByteOrder.LITTLE_ENDIAN)
            .putLong((2 * TensorMap.BYTES) + 8, out)
            .array(),
        List.of(OutputRegion.contiguous("out", out, 4L * words)),
        options(1, AsyncPolicy.LATEST, WarpOrder.ROUND_ROBIN));
    return Kernels.words(memory, out, words);
  }
}
