package dev.attune.runtime;

import dev.attune.compiler.schedule.Batching;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.compiler.spec.NdArray;
import dev.attune.ptx.artifact.Artifact;
import dev.attune.ptx.compile.Candidates;
import dev.attune.ptx.compile.Request;
import dev.attune.runtime.cuda.BareLaunch;
import dev.attune.runtime.cuda.CudaDevice;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Prints what a launch costs the host: without arguments the checks and the parameter block, for
 * code that does nothing, in processor time; with {@code cuda} the whole on a GPU beside {@code
 * cuLaunchKernel} alone.
 */
final class LaunchCost {
  private static final int ROUNDS = 21;
  private static final int LAUNCHES = 20_000;

  /** Timed launches on a GPU, and how many are queued before waiting for them. */
  private static final int TIMED = 4000;

  private static final int QUEUED = 200;

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

  /** Measures kernels with pointers and with tensor maps. */
  public static void main(String[] args) {
    if (List.of(args).contains("cuda")) {
      try (CudaDevice device = CudaDevice.open()) {
        onGpu(device);
      }
      return;
    }
    try (Device device = new HopperEmulator(artifact -> new Idle())) {
      idle(device, "pointers and strides", CopyKernel.artifact(), 8);
      idle(device, "tensor maps", TileCopyKernel.artifact(), TileCopyKernel.DIM);
    }
  }

  private static void idle(Device device, String name, Artifact artifact, int dim) {
    List<Arguments> places = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      places.add(arguments(device, 512, dim).tensor("bias", device.tensor(NdArray.floats(16))));
    }
    long start = cpuNanos();
    try (Attention attention =
        Attention.of(CopyKernel.SPEC, device, request -> List.of(artifact), Selection.ALL)) {
      attention.launch(device.stream(), places.getFirst());
      double first = (cpuNanos() - start) / 1e3;
      double[] rounds = new double[ROUNDS];
      for (int round = 0; round < ROUNDS; round++) {
        long from = cpuNanos();
        for (int i = 0; i < LAUNCHES; i++) {
          attention.launch(device.stream(), places.get(i % places.size()));
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

  private static void onGpu(CudaDevice device) {
    AttentionSpec spec = SpecText.of("attention cost { mask = causal }");
    HeadDim dim = new HeadDim(64, 64);
    Arguments arguments = arguments(device, 64, 64);
    Candidates all =
        Candidates.of(spec, new Request(device.info().targets(), Dtype.BF16, dim, Batching.DENSE));
    try (Kernel named = device.load(spec, all, Selection.ALL)) {
      for (Explanation.Verdict v : named.explain(arguments).candidates()) {
        Artifact artifact = all.artifacts().get(named.manifests().indexOf(v.manifest()));
        if (v.accepts()) {
          System.out.println(v.name() + ": " + compare(device, spec, artifact, arguments));
        }
      }
    }
  }

  private static String compare(
      CudaDevice device, AttentionSpec spec, Artifact artifact, Arguments arguments) {
    try (BareLaunch bare = new BareLaunch(device, artifact);
        Kernel recorded =
            Kernel.load(
                device,
                spec,
                new Candidates(List.of(artifact)),
                Selection.ALL,
                loaded -> bare.code());
        Attention attention =
            Attention.of(spec, device, request -> List.of(artifact), Selection.ALL)) {
      recorded.launch(device.stream(), arguments);
      double[] alone = new double[TIMED];
      double[] whole = new double[TIMED];
      // The first round warms up.
      for (int round = 0; round < 2; round++) {
        for (int at = 0; at < TIMED; at += QUEUED) {
          bare.time(device.stream(), alone, at, QUEUED);
          device.synchronize();
          for (int i = at; i < at + QUEUED; i++) {
            long from = System.nanoTime();
            attention.launch(device.stream(), arguments);
            whole[i] = (System.nanoTime() - from) / 1e3;
          }
          device.synchronize();
        }
      }
      double bareMedian = median(alone);
      double wholeMedian = median(whole);
      return "cuLaunchKernel alone %.2f us, Attention.launch %.2f us, %.2f us more"
          .formatted(bareMedian, wholeMedian, wholeMedian - bareMedian);
    }
  }

  private static double median(double[] values) {
    return Arrays.stream(values).sorted().toArray()[values.length / 2];
  }

  private static Arguments arguments(Device device, int seq, int dim) {
    return Arguments.of(
            device.empty(ElementType.BF16, 2, seq, 16, dim),
            device.empty(ElementType.BF16, 2, seq, 4, dim),
            device.empty(ElementType.BF16, 2, seq, 4, dim),
            device.empty(ElementType.BF16, 2, seq, 16, dim))
        .lse(device.empty(ElementType.F32, 2, 16, seq));
  }
}
