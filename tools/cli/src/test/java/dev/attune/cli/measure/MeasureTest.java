package dev.attune.cli.measure;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.attune.compiler.check.Frontend;
import dev.attune.compiler.check.ImportResolver;
import dev.attune.compiler.schedule.Lengths;
import dev.attune.compiler.schedule.Schedule.Hopper;
import dev.attune.compiler.schedule.Schedule.Hopper.Output;
import dev.attune.compiler.schedule.Target;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.compiler.spec.NdArray;
import dev.attune.compiler.spec.Shape;
import dev.attune.dsl.diagnostic.Source;
import dev.attune.ptx.artifact.Artifact;
import dev.attune.ptx.compile.KernelCompiler;
import dev.attune.ptx.hopper.HopperSchedules;
import dev.attune.ptx.tune.MaskClass;
import dev.attune.ptx.tune.TunedSchedules;
import dev.attune.ptx.tune.TunedSchedules.Entry;
import dev.attune.runtime.Device;
import dev.attune.runtime.ElementType;
import dev.attune.runtime.Kernel;
import dev.attune.runtime.Tensor;
import java.io.OutputStream;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;

/** Timing, on the emulated device: that the right things are timed, not how long they take. */
final class MeasureTest {
  private static final HeadDim DIM = new HeadDim(16, 16);

  private static AttentionSpec causal() {
    Source source = new Source("a.attn", "attention a { mask = causal }");
    return Frontend.load(source, ImportResolver.none()).specs().getFirst();
  }

  private static Artifact ampere(AttentionSpec spec) {
    return KernelCompiler.compile(spec, new KernelCompiler.Options(Target.SM_90, Dtype.F16, DIM))
        .artifact();
  }

  @Test
  void samplesAreNormal() {
    try (Device device = Device.open("emulated")) {
      Tensor tensor = device.empty(ElementType.F16, 3, 333, 100);
      new NormalSamples(Dtype.F16).fill(tensor, 5);
      float[] values = tensor.download().floats();
      double sum = 0;
      double squares = 0;
      for (float x : values) {
        sum += x;
        squares += (double) x * x;
      }
      assertEquals(0, sum / values.length, 0.02);
      assertEquals(1, squares / values.length, 0.02);
      Tensor again = device.empty(ElementType.F16, 3, 333, 100);
      new NormalSamples(Dtype.F16).fill(again, 5);
      assertEquals(0, Workload.difference(again.download(), tensor.download()));
    }
  }

  @Test
  void operationsCountLivePairs() {
    AttentionSpec spec = causal();
    Shape shape = new Shape(2, 3, 1, 64, 64, DIM);
    try (Device device = Device.open("emulated");
        Workload workload = new Workload(device, spec, Dtype.F16, shape, Map.of(), 1)) {
      assertEquals(2.0 * 2 * 3 * (64 * 65 / 2) * 32, workload.operations());
    }
  }

  @Test
  void sampledRowsShowWhatIsWrongOrUnwritten() {
    AttentionSpec spec = causal();
    Shape shape = new Shape(1, 1, 1, 20, 20, DIM);
    try (Device device = Device.open("emulated");
        Workload workload = new Workload(device, spec, Dtype.F16, shape, Map.of(), 1);
        Kernel kernel = device.load(spec, ampere(spec))) {
      kernel.launch(device.stream(), workload.arguments());
      NdArray right = workload.sample();
      assertEquals(2 * 20 * 16, right.floats().length);
      assertEquals(0, Workload.difference(right, right));
      workload.poison();
      assertTrue(Double.isNaN(Workload.difference(workload.sample(), right)));
    }
  }

  @Test
  void everyRoundTimesAll() {
    try (Device device = Device.open("emulated")) {
      List<String> order = new ArrayList<>();
      List<Rounds.Contender> contenders =
          List.of("a", "b", "c").stream()
              .map(name -> new Rounds.Contender(name, () -> order.add(name)))
              .toList();
      List<Rounds.Times> times = new Rounds(device, 1e-9).run(contenders, 4);
      assertEquals(List.of("a", "b", "c"), times.stream().map(Rounds.Times::name).toList());
      times.forEach(t -> assertEquals(4, t.milliseconds().size()));
      List<String> measured = order.subList(order.size() - 12, order.size());
      for (int round = 0; round < 4; round++) {
        assertEquals(
            List.of("a", "b", "c"),
            measured.subList(3 * round, 3 * round + 3).stream().sorted().toList());
      }
      assertEquals(2.5, Rounds.median(List.of(4.0, 1.0, 3.0, 2.0)));
      assertEquals(2.0, Rounds.median(List.of(4.0, 1.0, 2.0)));
    }
  }

  @Test
  void candidatesFitAndDiffer() {
    for (int d : new int[] {64, 128, 192, 256}) {
      HeadDim dim = new HeadDim(d, d);
      Hopper rules =
          HopperSchedules.choose(causal(), Target.SM_90A, Dtype.BF16, dim, OptionalInt.empty());
      List<Hopper> tiles = Candidates.tiles(Target.SM_90A, dim, rules);
      assertEquals(rules, tiles.getFirst());
      assertEquals(tiles.size(), tiles.stream().distinct().count());
      assertTrue(tiles.size() > 8, d + ": " + tiles.size());
      List<Hopper> around = Candidates.variations(Target.SM_90A, dim, rules);
      assertTrue(around.size() >= 3, d + ": " + around.size());
      for (Hopper s : tiles) {
        assertTrue(HopperSchedules.fits(Target.SM_90A, dim, s), s.print());
      }
      for (Hopper s : around) {
        assertTrue(HopperSchedules.fits(Target.SM_90A, dim, s), s.print());
        assertTrue(!s.equals(rules), s.print());
      }
    }
  }

  @Test
  void neighboursThatAgreeShareAnEntry() {
    List<Entry> entries =
        Winner.entries(
            Dtype.BF16,
            DIM,
            MaskClass.FULL,
            List.of(winner(16384, 80, 700.4), winner(1024, 128, 600), winner(4096, 80, 650)),
            "2026-01-02");
    assertEquals(
        List.of(new Lengths(1, 2048), new Lengths(2049, Shape.MAX_SEQ)),
        entries.stream().map(Entry::queries).toList());
    assertEquals(
        List.of(
            "600 TFLOP/s at S = 1024, 2026-01-02",
            "650, 700 TFLOP/s at S = 4096, 16384, 2026-01-02"),
        entries.stream().map(e -> e.schedule().why()).toList());
    assertEquals(2, new TunedSchedules("x", entries).entries().size());
  }

  private static Winner winner(int length, int cols, double tflops) {
    Hopper schedule =
        new Hopper(cols, 2, 2, false, Output.OWN, false, false, false, 8, "rule " + length);
    return new Winner(length, schedule, tflops);
  }

  @Test
  void theTunerMeasuresWhatIsRight() {
    AttentionSpec spec = causal();
    Shape shape = new Shape(1, 1, 1, 24, 24, DIM);
    try (Device emulated = Device.open("emulated");
        Watchdog watchdog = new Watchdog(new PrintStream(OutputStream.nullOutputStream()), 300)) {
      Artifact other =
          KernelCompiler.compile(full(), new KernelCompiler.Options(Target.SM_90, Dtype.F16, DIM))
              .artifact();
      Device device = standIn(emulated, ampere(spec), other);
      Tuner tuner =
          new Tuner(
              device,
              watchdog,
              3,
              0.01,
              false,
              schedule -> schedule.cols() == 64,
              a -> Optional.of("four").filter(x -> a.manifest().threads() == 640));
      Tuner.Outcome outcome = tuner.run("causal", spec, Dtype.F16, shape, Map.of());
      assertTrue(outcome.fastest().isPresent());
      assertTrue(outcome.measured().size() >= 4, "" + outcome.measured().size());
      for (Tuner.Measured m : outcome.measured()) {
        assertTrue(m.schedule().consumers() <= 2, m.schedule().print());
      }
      assertTrue(
          outcome.leftOut().stream().anyMatch(x -> x.contains("3 consumers") && x.contains("off")),
          outcome.leftOut().toString());
      assertTrue(
          outcome.leftOut().stream().anyMatch(x -> x.contains("4 consumers") && x.endsWith("four")),
          outcome.leftOut().toString());
    }
  }

  private static AttentionSpec full() {
    Source source = new Source("a.attn", "attention a { }");
    return Frontend.load(source, ImportResolver.none()).specs().getFirst();
  }

  /**
   * A device on which every Hopper kernel is replaced: one of three consumers by a wrong kernel,
   * the others by a right one.
   */
  private static Device standIn(Device real, Artifact right, Artifact wrong) {
    return (Device)
        Proxy.newProxyInstance(
            Device.class.getClassLoader(),
            new Class<?>[] {Device.class},
            (proxy, method, arguments) -> {
              Object[] actual = arguments;
              if (method.getName().equals("load") && arguments[1] instanceof Artifact given) {
                boolean three = given.manifest().threads() == 128 * 4;
                boolean hopper = given.manifest().target() == Target.SM_90A;
                actual = new Object[] {arguments[0], hopper && three ? wrong : right};
              }
              try {
                return method.invoke(real, actual);
              } catch (InvocationTargetException e) {
                throw e.getCause() == null ? e : e.getCause();
              }
            });
  }
}
