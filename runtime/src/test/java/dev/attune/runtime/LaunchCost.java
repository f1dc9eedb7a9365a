package dev.attune.runtime;

import dev.attune.compiler.spec.NdArray;
import dev.attune.ptx.artifact.Artifact;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Prints what the runtime itself costs per launch, for code that does nothing: the checks and the
 * parameter block, without a driver. In processor time.
 */
final class LaunchCost {
  private static final int ROUNDS = 21;
  private static final int LAUNCHES = 20_000;

  private LaunchCost() {}

  private record Idle() implements Kernel.Code {
    @Override
    public void launch(Stream stream, LaunchPlan plan) {
      if (plan.isEmpty()) {
        throw new AssertionError("an empty plan is not launched");
      }
    }

    @Override
    public byte[] encode(TensorMap map) {
      return new byte[TensorMap.BYTES];
    }

    @Override
    public void close() {
      // Nothing is loaded.
    }
  }

  /** Measures the kernels with pointers and with tensor maps. */
  public static void main(String[] args) {
    try (Device device = Device.open("emulated")) {
      measure(device, "pointers and strides", CopyKernel.artifact(), 8);
      measure(device, "tensor maps", TileCopyKernel.artifact(), TileCopyKernel.DIM);
    }
  }

  private static void measure(Device device, String name, Artifact artifact, int dim) {
    List<Arguments> places = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      places.add(arguments(device, dim));
    }
    long start = cpuNanos();
    try (Kernel kernel =
        Kernel.load(device, CopyKernel.SPEC, List.of(artifact), loaded -> new Idle())) {
      kernel.launch(device.stream(), places.getFirst());
      double first = (cpuNanos() - start) / 1e3;
      double[] rounds = new double[ROUNDS];
      for (int round = 0; round < ROUNDS; round++) {
        long from = cpuNanos();
        for (int i = 0; i < LAUNCHES; i++) {
          kernel.launch(device.stream(), places.get(i % places.size()));
        }
        rounds[round] = (cpuNanos() - from) / 1e3 / LAUNCHES;
      }
      System.out.printf(
          "%-22s first launch of the kernel %.0f us, then %.2f us each at first and %.2f us warm%n",
          name, first, rounds[0], Arrays.stream(rounds).sorted().toArray()[ROUNDS / 2]);
    }
  }

  /** Time this thread has run for, which other processes do not change. */
  private static long cpuNanos() {
    return ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
  }

  private static Arguments arguments(Device device, int dim) {
    return Arguments.of(
            device.empty(ElementType.BF16, 2, 512, 16, dim),
            device.empty(ElementType.BF16, 2, 512, 4, dim),
            device.empty(ElementType.BF16, 2, 512, 4, dim),
            device.empty(ElementType.BF16, 2, 512, 16, dim))
        .lse(device.empty(ElementType.F32, 2, 16, 512))
        .tensor("bias", device.tensor(NdArray.floats(16)));
  }
}
