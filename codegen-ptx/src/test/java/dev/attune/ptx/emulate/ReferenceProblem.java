package dev.attune.ptx.emulate;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.SplittableRandom;

/**
 * An attention problem and its run on a kernel that another generator wrote for {@code sm_90a}:
 * tensors of (batch, sequence, heads, head dim) in bfloat16, logarithms of (batch, heads,
 * sequence).
 */
final class ReferenceProblem {
  private static final int HEADS = 2;
  private static final int PROCESSORS = 3;

  private final int length;
  private final int depth;
  private final boolean causal;
  private final float[] q;
  private final float[] k;
  private final float[] v;

  ReferenceProblem(int length, int depth, boolean causal) {
    this.length = length;
    this.depth = depth;
    this.causal = causal;
    SplittableRandom random = new SplittableRandom(length + depth);
    this.q = values(random);
    this.k = values(random);
    this.v = values(random);
  }

  private float[] values(SplittableRandom random) {
    float[] values = new float[length * HEADS * depth];
    for (int i = 0; i < values.length; i++) {
      values[i] = Scalars.fromBf16(Scalars.toBf16((float) random.nextGaussian()));
    }
    return values;
  }

  private int at(int row, int head, int column) {
    return (row * HEADS + head) * depth + column;
  }

  /** One row of the output, then the logarithm of its sum. */
  double[] row(int head, int row) {
    int keys = causal ? row + 1 : length;
    double[] scores = new double[keys];
    double most = Double.NEGATIVE_INFINITY;
    for (int j = 0; j < keys; j++) {
      for (int i = 0; i < depth; i++) {
        scores[j] += q[at(row, head, i)] * (double) k[at(j, head, i)];
      }
      scores[j] /= Math.sqrt(depth);
      most = Math.max(most, scores[j]);
    }
    double[] result = new double[depth + 1];
    double sum = 0;
    for (int j = 0; j < keys; j++) {
      double p = Math.exp(scores[j] - most);
      sum += p;
      for (int i = 0; i < depth; i++) {
        result[i] += p * v[at(j, head, i)];
      }
    }
    for (int i = 0; i < depth; i++) {
      result[i] /= sum;
    }
    result[depth] = most + Math.log(sum);
    return result;
  }

  private static byte[] halves(float[] values) {
    ByteBuffer block = ByteBuffer.allocate(2 * values.length).order(ByteOrder.LITTLE_ENDIAN);
    for (float value : values) {
      block.putShort((short) Scalars.toBf16(value));
    }
    return block.array();
  }

  private byte[] map(long address, int rows) {
    long row = 2L * depth * HEADS;
    return new TensorMap(
            address,
            2,
            List.of((long) depth, (long) length, (long) HEADS, 1L),
            List.of(row, 2L * depth, row * length),
            List.of(64, rows, 1, 1),
            TensorMap.Swizzle.BYTES_128)
        .encode();
  }

  /** Runs a kernel and compares everything that it writes. */
  void check(String name, String ptx, int rows, int columns, int shared, EmulatorOptions options) {
    EmulatedEntry entry = EmulatedModule.parse(ptx).entry("fa");
    EmulatedMemory memory = new EmulatedMemory();
    int bytes = 2 * length * HEADS * depth;
    long[] inputs = new long[3];
    float[][] tensors = {q, k, v};
    for (int i = 0; i < 3; i++) {
      inputs[i] = memory.allocate(bytes);
      memory.write(inputs[i], halves(tensors[i]));
      memory.freeze(inputs[i]);
    }
    long out = memory.allocate(bytes);
    int logarithms = 4 * length * HEADS;
    long lse = memory.allocate(logarithms);
    long counter = memory.allocate(16);
    memory.fill(counter, 16, (byte) 0);
    int perHead = Math.ceilDiv(length, rows);
    ByteBuffer block = ByteBuffer.allocate(entry.parameterBytes()).order(ByteOrder.LITTLE_ENDIAN);
    block.put(map(inputs[0], rows)).put(map(inputs[1], columns)).put(map(inputs[2], columns));
    block.put(map(out, 64)).putLong(lse).putLong(counter);
    block.putInt(perHead * HEADS).putInt(perHead).putInt(HEADS).putInt(HEADS).putInt(length);
    block.putFloat((float) (1 / Math.sqrt(depth) / Math.log(2))).putFloat(0f);
    block.putLong(entry.parameterBytes() - 8, out);
    Dim3 threads = entry.reqntid();
    assertNotNull(threads);
    entry.launch(
        memory,
        new LaunchConfig(
            Dim3.of(Math.min(PROCESSORS, perHead * HEADS)),
            threads,
            shared,
            List.of(
                OutputRegion.contiguous("o", out, bytes),
                OutputRegion.contiguous("lse", lse, logarithms)),
            options),
        block.array());
    int[] o = Kernels.words(memory, out, bytes / 4);
    int[] sums = Kernels.words(memory, lse, length * HEADS);
    for (int head = 0; head < HEADS; head++) {
      for (int row = 0; row < length; row++) {
        double[] expected = row(head, row);
        String place = name + " head " + head + " row " + row;
        for (int i = 0; i < depth; i++) {
          int word = o[at(row, head, i) / 2];
          float found = Scalars.fromBf16(i % 2 == 0 ? word & 0xFFFF : word >>> 16);
          assertEquals(expected[i], found, 0.02, () -> place);
        }
        float sum = Float.intBitsToFloat(sums[head * length + row]);
        assertEquals(expected[depth], sum, 1e-4, place);
      }
    }
    int[] count = Kernels.words(memory, counter, 1);
    assertEquals(0, count[0], "the kernel resets its counter");
  }

  /** The text of a kernel. */
  static String text(String kernel) throws IOException {
    try (InputStream in =
        ReferenceProblem.class.getResourceAsStream("/reference/" + kernel + ".ptx")) {
      assertNotNull(in, kernel);
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
  }
}
