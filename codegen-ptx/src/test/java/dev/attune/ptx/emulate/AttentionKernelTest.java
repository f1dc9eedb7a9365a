package dev.attune.ptx.emulate;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** A whole attention kernel: its values, its counts, its speed, and what omissions are found. */
final class AttentionKernelTest {
  private static final int D = 64;

  @SuppressWarnings("ArrayRecordComponent") // Never compared.
  private record Run(int[] output, LaunchReport report) {}

  private static final class Problem {
    final int length;
    final float[] q;
    final float[] k;
    final float[] v;

    Problem(int length, long seed) {
      this.length = length;
      SplittableRandom random = new SplittableRandom(seed);
      this.q = values(random);
      this.k = values(random);
      this.v = values(random);
    }

    private float[] values(SplittableRandom random) {
      float[] values = new float[length * D];
      for (int i = 0; i < values.length; i++) {
        values[i] = Scalars.fromBf16(Scalars.toBf16((float) random.nextGaussian()));
      }
      return values;
    }

    private static byte[] halves(float[] values) {
      ByteBuffer block = ByteBuffer.allocate(2 * values.length).order(ByteOrder.LITTLE_ENDIAN);
      for (float value : values) {
        block.putShort((short) Scalars.toBf16(value));
      }
      return block.array();
    }

    Run run(EmulatedModule module, EmulatorOptions options) {
      EmulatedMemory memory = new EmulatedMemory();
      int bytes = length * D * 2;
      long[] inputs = new long[3];
      float[][] tensors = {q, k, v};
      for (int i = 0; i < 3; i++) {
        inputs[i] = memory.allocate(bytes);
        memory.write(inputs[i], halves(tensors[i]));
        memory.freeze(inputs[i]);
      }
      long out = memory.allocate(bytes);
      ByteBuffer block = ByteBuffer.allocate(40).order(ByteOrder.LITTLE_ENDIAN);
      block.putLong(inputs[0]).putLong(inputs[1]).putLong(inputs[2]).putLong(out);
      block.putInt(length).putFloat((float) (0.125 / Math.log(2)));
      LaunchReport report =
          module
              .entry("fa")
              .launch(
                  memory,
                  new LaunchConfig(
                      Dim3.of(length / 64),
                      Dim3.of(128),
                      AttentionPtx.SHARED_BYTES,
                      List.of(OutputRegion.contiguous("o", out, bytes)),
                      options),
                  block.flip());
      return new Run(Kernels.words(memory, out, bytes / 4), report);
    }

    double expected(int row, int column) {
      double[] scores = new double[row + 1];
      double most = Double.NEGATIVE_INFINITY;
      for (int j = 0; j <= row; j++) {
        for (int i = 0; i < D; i++) {
          scores[j] += 0.125 * q[(row * D) + i] * k[(j * D) + i];
        }
        most = Math.max(most, scores[j]);
      }
      double sum = 0;
      double weighted = 0;
      for (int j = 0; j <= row; j++) {
        double p = Math.exp(scores[j] - most);
        sum += p;
        weighted += p * v[(j * D) + column];
      }
      return weighted / sum;
    }
  }

  private static EmulatorOptions options(AsyncPolicy async, WarpOrder order) {
    return new EmulatorOptions(7, async, order, 1, 10_000_000);
  }

  @Test
  void computesAttentionUnderEverySchedule() {
    EmulatedModule module = EmulatedModule.parse(AttentionPtx.forward());
    Problem problem = new Problem(192, 1);
    int[] first = {};
    for (AsyncPolicy async : AsyncPolicy.values()) {
      for (WarpOrder order : WarpOrder.values()) {
        int[] output = problem.run(module, options(async, order)).output();
        first = first.length == 0 ? output : first;
        assertTrue(java.util.Arrays.equals(first, output), async + " " + order);
      }
    }
    for (int row = 0; row < problem.length; row++) {
      for (int column = 0; column < D; column += 7) {
        int word = first[((row * D) + column) / 2];
        float found = Scalars.fromBf16(column % 2 == 0 ? word & 0xFFFF : word >>> 16);
        assertEquals(problem.expected(row, column), found, 0.02, row + ", " + column);
      }
    }
  }

  @Test
  void countsWhatTheKernelDoes() {
    EmulatedModule module = EmulatedModule.parse(AttentionPtx.forward());
    LaunchReport report =
        new Problem(128, 1)
            .run(module, options(AsyncPolicy.LATEST, WarpOrder.ROUND_ROBIN))
            .report();
    int tiles = 3;
    assertEquals(4L * 64 * tiles, report.mmaInstructions());
    // Four conflict-free passes for each ldmatrix.x4: 16 for keys, 16 for values, 4 for queries.
    assertEquals(4L * 36 * 4 * tiles, report.sharedTransactions());
    assertEquals(0, report.sharedConflicts());
    assertEquals(128L * 4 * (2 + (2 * tiles)), report.asyncCopies());
    // A store covers 16 of the 32 bytes of each sector that it touches.
    assertEquals(2 * 128 * D * 2 / 32, report.globalStoreSectors());
    assertEquals(4L * 2 * tiles, report.barrierWaits());
    assertEquals(
        report,
        new Problem(128, 2).run(module, options(AsyncPolicy.RANDOM, WarpOrder.RANDOM)).report());
  }

  @Test
  void everyOmittedSynchronisationIsFound() {
    String[] lines = AttentionPtx.forward().split("\n", -1);
    int found = 0;
    for (int i = 0; i < lines.length; i++) {
      if (lines[i].startsWith("bar.sync")
          || lines[i].startsWith("cp.async.wait_group")
          || lines[i].startsWith("cp.async.commit_group")) {
        List<String> mutant = new ArrayList<>(List.of(lines));
        mutant.remove(i);
        EmulatedModule module = EmulatedModule.parse(String.join("\n", mutant));
        for (WarpOrder order : WarpOrder.values()) {
          EmulationException e =
              assertThrows(
                  EmulationException.class,
                  () -> new Problem(256, 3).run(module, options(AsyncPolicy.EARLIEST, order)),
                  lines[i]);
          assertTrue(
              e.getMessage().startsWith("race: shared")
                  || e.getMessage().startsWith("pending: shared")
                  || e.getMessage().startsWith("uninitialised: shared"),
              e.getMessage());
        }
        found++;
      }
    }
    assertEquals(5, found);
  }

  @Test
  void aWaitThatLeavesOneGroupTooManyIsFound() {
    String text = AttentionPtx.forward().replace("wait_group 1", "wait_group 2");
    EmulatedModule module = EmulatedModule.parse(text);
    EmulationException e =
        assertThrows(
            EmulationException.class,
            () ->
                new Problem(128, 3)
                    .run(module, options(AsyncPolicy.LATEST, WarpOrder.ROUND_ROBIN)));
    assertTrue(e.getMessage().contains("pending: shared byte"), e.getMessage());
    assertTrue(e.getMessage().contains("tile operation: dot q k [test.attn:3]"), e.getMessage());
  }

  @Test
  void aSeedReplaysAFailureOnAnyNumberOfHostThreads() {
    String text = AttentionPtx.forward().replace("cp.async.wait_group 1;", "");
    EmulatedModule module = EmulatedModule.parse(text);
    List<String> messages = new ArrayList<>();
    for (int threads : new int[] {1, 1, 3}) {
      EmulatorOptions options =
          new EmulatorOptions(99, AsyncPolicy.RANDOM, WarpOrder.RANDOM, threads, 10_000_000);
      messages.add(
          assertThrows(EmulationException.class, () -> new Problem(192, 3).run(module, options))
              .getMessage());
    }
    assertEquals(messages.get(0), messages.get(1));
    assertEquals(messages.get(0), messages.get(2));
  }

  @Test
  void runsFast() {
    EmulatedModule module = EmulatedModule.parse(AttentionPtx.forward());
    Problem problem = new Problem(512, 1);
    double best = Double.MAX_VALUE;
    StringBuilder times = new StringBuilder();
    LaunchReport report = null;
    for (int i = 0; i < 8; i++) {
      long start = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
      report = problem.run(module, options(AsyncPolicy.LATEST, WarpOrder.ROUND_ROBIN)).report();
      double seconds =
          (ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime() - start) * 1e-9;
      best = Math.min(best, seconds);
      times.append(String.format(java.util.Locale.ROOT, " %.3f", seconds));
    }
    System.out.println("S=512 processor seconds:" + times + " " + report);
    assertTrue(best < 3, "seconds:" + times);
  }
}
