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
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Attention kernels for {@code sm_90a} that another generator wrote run on the emulator and give
 * attention: tensors of (batch, sequence, heads, head dim) in bfloat16, logarithms of (batch,
 * heads, sequence).
 */
final class ReferenceKernelTest {
  private static final int HEADS = 2;
  private static final int PROCESSORS = 3;

  /** Inputs and the exact results. */
  private static final class Problem {
    final int length;
    final int depth;
    final boolean causal;
    final float[] q;
    final float[] k;
    final float[] v;

    Problem(int length, int depth, boolean causal) {
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

    void check(String kernel, int rows, int columns, int sharedBytes, EmulatorOptions options)
        throws IOException {
      EmulatedEntry entry = EmulatedModule.parse(text(kernel)).entry("fa");
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
              sharedBytes,
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
          String place = kernel + " head " + head + " row " + row;
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

    private static String text(String kernel) throws IOException {
      try (InputStream in =
          ReferenceKernelTest.class.getResourceAsStream("/reference/" + kernel + ".ptx")) {
        assertNotNull(in, kernel);
        return new String(in.readAllBytes(), StandardCharsets.UTF_8);
      }
    }
  }

  @ParameterizedTest
  @CsvSource({
    "d128_full_short, 128, 128, 196720, 131, LATEST, ROUND_ROBIN",
    "d128_full, 192, 80, 221328, 200, LATEST, RANDOM",
    "d128_causal_short, 128, 128, 196720, 200, EARLIEST, REVERSE",
    "d128_causal, 192, 80, 221328, 200, RANDOM, RANDOM",
    "d64_full_long, 192, 96, 123024, 200, LATEST, STARVED",
    "d64_full, 256, 64, 114832, 131, RANDOM, REVERSE",
    "d64_causal, 256, 64, 114832, 300, LATEST, ROUND_ROBIN",
    "d256_full, 128, 64, 196720, 131, EARLIEST, ROUND_ROBIN",
    "d256_causal, 128, 64, 196720, 200, LATEST, RANDOM",
  })
  void givesAttention(
      String kernel,
      int rows,
      int columns,
      int sharedBytes,
      int length,
      AsyncPolicy async,
      WarpOrder order)
      throws IOException {
    int depth = Integer.parseInt(kernel.substring(1, kernel.indexOf('_')));
    new Problem(length, depth, kernel.contains("causal"))
        .check(
            kernel,
            rows,
            columns,
            sharedBytes,
            new EmulatorOptions(length, async, order, 1, 10_000_000));
  }
}
