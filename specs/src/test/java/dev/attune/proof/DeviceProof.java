package dev.attune.proof;

import static dev.attune.proof.Trial.shape;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.attune.compiler.reference.ExactTests;
import dev.attune.compiler.reference.Executor;
import dev.attune.compiler.reference.Inputs;
import dev.attune.compiler.reference.Inputs.Distribution;
import dev.attune.compiler.reference.Problem;
import dev.attune.compiler.reference.Result;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Bindings;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.compiler.spec.NdArray;
import dev.attune.compiler.spec.ParamDecl;
import dev.attune.compiler.spec.ScalarType;
import dev.attune.compiler.spec.Shape;
import dev.attune.runtime.Device;
import dev.attune.runtime.DeviceException;
import dev.attune.runtime.Kernel;
import dev.attune.specs.SpecLibrary;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What kernels are held to on every device. */
abstract class DeviceProof {
  private static final List<Dtype> DTYPES = List.of(Dtype.values());
  private static final List<Layout> LAYOUTS = List.of(Layout.values());
  private static final AttentionSpec FULL = Kernels.library("full");
  private static final AttentionSpec CAUSAL = Kernels.library("causal");

  /** The kernels that are held to it. */
  abstract Plan plan();

  /**
   * Applies work to each input on a device, and returns what it said.
   *
   * @param work on a device that several inputs may share
   */
  abstract <T> List<String> each(List<T> inputs, Work<T> work);

  /** Work on a device. */
  interface Work<T> {
    Optional<String> apply(T input, Device device);
  }

  /** Requires a right answer to every trial. */
  final void run(List<Trial> trials) {
    none(each(trials, (trial, device) -> trial.failure(device, plan())), trials.size());
  }

  private static void none(List<String> failures, int of) {
    assertEquals(
        "",
        failures.stream().limit(5).collect(Collectors.joining("\n----\n")),
        () -> failures.size() + " of " + of + " failed");
  }

  /** Edges of tiles of 16 to 128 rows and keys, single rows, nothing; after FlashAttention-3. */
  @Test
  void everySize() {
    int[][] sizes = {
      {0, 0},
      {0, 5},
      {5, 0},
      {1, 1},
      {1, 3},
      {2, 1},
      {1, 128},
      {1, 339},
      {3, 513},
      {15, 17},
      {31, 33},
      {33, 31},
      {63, 64},
      {64, 63},
      {64, 65},
      {65, 64},
      {64, 128},
      {113, 203},
      {127, 127},
      {127, 129},
      {128, 128},
      {129, 127},
      {129, 129},
      {128, 217},
      {191, 193},
      {239, 1},
      {255, 257},
      {257, 255},
      {256, 256},
      {307, 256},
      {511, 1},
    };
    List<Trial> trials = new ArrayList<>();
    List<AttentionSpec> specs =
        List.of(FULL, CAUSAL, Kernels.library("causal_bottom_right"), windowed());
    for (int[] size : sizes) {
      for (AttentionSpec spec : specs) {
        int i = trials.size();
        Dtype dtype = DTYPES.get(i / specs.size() % 2);
        trials.add(Trial.of(spec, dtype, shape(1, 2, 1, size[0], size[1], 64)).in(layout(i)));
      }
    }
    run(trials);
  }

  private static AttentionSpec windowed() {
    return Kernels.spec("mask = abs(q - kv) < 40");
  }

  private static Layout layout(int i) {
    return LAYOUTS.get(i % LAYOUTS.size());
  }

  @Test
  void everyHeadDim() {
    List<HeadDim> dims = new ArrayList<>();
    for (int d : new int[] {8, 16, 24, 40, 64, 72, 80, 96, 104, 128, 160, 192, 200, 256}) {
      dims.add(new HeadDim(d, d));
    }
    for (int[] d : new int[][] {{192, 128}, {128, 192}, {64, 256}, {8, 256}, {256, 8}}) {
      dims.add(new HeadDim(d[0], d[1]));
    }
    List<Trial> trials = new ArrayList<>();
    for (HeadDim dim : dims) {
      for (Dtype dtype : DTYPES) {
        Layout layout = layout(trials.size());
        trials.add(Trial.of(CAUSAL, dtype, new Shape(1, 1, 1, 131, 150, dim)).in(layout));
      }
    }
    run(trials);
  }

  @Test
  void everyGroupingAndLayout() {
    List<Trial> trials = new ArrayList<>();
    for (int group : new int[] {1, 2, 4, 6}) {
      for (Layout layout : LAYOUTS) {
        int i = trials.size();
        int kvHeads = 1 + i % 2;
        Dtype dtype = DTYPES.get(i / 2 % 2);
        Shape shape = shape(1 + i % 3, group * kvHeads, kvHeads, 40 + i, 90 - i, 32);
        trials.add(Trial.of(CAUSAL, dtype, shape).in(layout));
      }
    }
    run(trials);
  }

  @Test
  void everyBasicSpec() {
    List<Trial> trials = new ArrayList<>();
    for (String name : SpecLibrary.basics()) {
      AttentionSpec spec = Kernels.library(name);
      boolean self = name.equals("document_causal"); // doc[q] has as many elements as keys.
      for (Dtype dtype : DTYPES) {
        Shape shape = shape(2, 2, 1, 150, self ? 150 : 200, 64);
        Trial plain = Trial.of(spec, dtype, shape).in(layout(trials.size()));
        trials.add(plain.param("window", 33).param("n", 70).param("cap", 2));
        trials.add(plain.with(Distribution.PEAKED, 7));
      }
      trials.add(Trial.of(spec, Dtype.BF16, shape(1, 2, 2, 130, 130, 128)));
      // Captured tensors over the keys are empty then, and nothing may read them.
      trials.add(Trial.of(spec, Dtype.BF16, shape(1, 2, 1, 5, 0, 8)));
    }
    run(trials);
  }

  @Test
  void everySpecOfTheLibrary() {
    run(Catalogue.trials());
  }

  @Test
  void everyDistribution() {
    List<Trial> trials = new ArrayList<>();
    for (Distribution distribution : Distribution.values()) {
      for (Dtype dtype : DTYPES) {
        for (AttentionSpec spec :
            List.of(CAUSAL, Kernels.library("softcap"), Kernels.library("softcap_fast"))) {
          trials.add(Trial.of(spec, dtype, shape(1, 2, 1, 260, 260, 64)).with(distribution, 3));
        }
      }
    }
    run(trials);
  }

  /** Rows that see nothing in their first, a middle, the last, or all of their tiles. */
  @Test
  void rowsWithoutKeys() {
    List<Trial> trials = new ArrayList<>();
    String[] masks = {
      "kv >= 64 or q % 3 != 0",
      "kv < 64 or kv >= 128 or q % 3 != 0",
      "kv < 128 or q % 3 != 0",
      "q % 3 != 0",
      "kv >= 64 and kv < 128",
      "kv > q + 100",
      "kv >= 300",
      "q >= 64",
      "keep[q] and causal",
      "keep[kv] and q % 16 >= 8",
    };
    for (String mask : masks) {
      for (Distribution distribution : List.of(Distribution.NORMAL, Distribution.RISING)) {
        AttentionSpec spec =
            mask.contains("keep")
                ? Kernels.spec("tensor keep : bool[Skv]", "mask = " + mask, "output lse, max_score")
                : Kernels.spec("mask = " + mask, "output lse, max_score");
        Dtype dtype = DTYPES.get(trials.size() % 2);
        trials.add(Trial.of(spec, dtype, shape(1, 1, 1, 200, 200, 32)).with(distribution, 5));
      }
    }
    run(trials);
  }

  private record Exact(String name, AttentionSpec spec, Bindings bindings, Dtype dtype) {
    Optional<String> run(Executor executor) {
      List<Optional<String>> findings = new ArrayList<>();
      if (ExactTests.uniformWhenQIsZero(spec, bindings)) {
        findings.add(ExactTests.countsKeys(executor, spec, bindings, dtype));
        findings.add(ExactTests.integers(executor, spec, bindings, dtype));
      }
      if (ExactTests.scoreIsScaledProduct(spec)) {
        findings.add(ExactTests.selector(executor, spec, bindings, dtype, 1));
        findings.add(ExactTests.selector(executor, spec, bindings, dtype, 2));
      }
      findings.add(ExactTests.weightsSumToOne(executor, spec, bindings, dtype));
      Problem random = Inputs.problem(spec, bindings, dtype, Distribution.NORMAL, 4);
      findings.add(ExactTests.deadKeysDoNotMatter(executor, random));
      return findings.stream()
          .flatMap(Optional::stream)
          .findFirst()
          .map(f -> "%s, %s: %s".formatted(name, dtype.keyword(), f));
    }
  }

  @Test
  void exactAnswers() {
    List<Exact> tests = new ArrayList<>();
    List<String> names =
        List.of(
            "full",
            "causal",
            "causal_bottom_right",
            "sliding_window",
            "dilated_window",
            "prefix_lm",
            "document_causal",
            "padding",
            "softcap",
            "softcap_fast");
    for (String name : names) {
      for (Dtype dtype : DTYPES) {
        AttentionSpec spec = Kernels.library(name);
        Trial trial =
            Trial.of(spec, dtype, shape(1, 2, 1, 140, 140, 64)).param("window", 37).param("n", 70);
        tests.add(new Exact(name, spec, trial.problem().problem().bindings(), dtype));
      }
    }
    none(each(tests, (test, device) -> test.run(new Placed(device, plan()))), tests.size());
  }

  /** The outputs do not depend on what lies around the tensors or on how they are laid out. */
  @Test
  void surroundingsDoNotMatter() {
    List<Trial> trials = new ArrayList<>();
    for (Dtype dtype : DTYPES) {
      for (int[] size : new int[][] {{1, 1}, {130, 77}}) {
        Shape shape = shape(2, 2, 1, size[0], size[1], 40);
        trials.add(Trial.of(CAUSAL, dtype, shape));
        trials.add(Trial.of(Kernels.library("relative_bias"), dtype, shape));
        trials.add(Trial.of(Kernels.library("padding"), dtype, shape).with(Distribution.NORMAL, 9));
      }
    }
    none(each(trials, this::dependsOnSurroundings), trials.size());
  }

  /** Every poison in the layout with gaps, and every layout. */
  private Optional<String> dependsOnSurroundings(Trial trial, Device device) {
    Problem problem = trial.problem().problem();
    Result first = new Placed(device, plan()).run(problem);
    Placed.Poison[] poisons = Placed.Poison.values();
    for (int i = 0; i < poisons.length + LAYOUTS.size(); i++) {
      Layout layout = i < poisons.length ? Layout.PADDED : layout(i);
      Placed.Poison poison = poisons[i % poisons.length];
      try {
        Result other = new Placed(device, plan(), layout, poison).run(problem);
        if (!same(first, other)) {
          return Optional.of("the result depends on %s around %s".formatted(poison, layout));
        }
      } catch (DeviceException | AssertionError e) {
        return Optional.of("%s, %s: %s".formatted(layout, poison, e.getMessage()));
      }
    }
    return Optional.empty();
  }

  /** Whether two results are equal to the bit. */
  static boolean same(Result a, Result b) {
    Function<Result, float[]> lse = r -> r.lse().map(NdArray::floats).orElse(new float[0]);
    return Arrays.equals(a.o().floats(), b.o().floats())
        && Arrays.equals(lse.apply(a), lse.apply(b));
  }

  /** The same launch again gives the same bits, and leaves the rest alone again. */
  @Test
  void rerunsAreBitEqual() {
    List<Trial> trials = new ArrayList<>();
    for (String name : SpecLibrary.basics()) {
      trials.add(Trial.of(Kernels.library(name), Dtype.BF16, shape(1, 2, 1, 140, 140, 64)));
    }
    none(
        each(
            trials,
            (trial, device) -> {
              Problem problem = trial.problem().problem();
              try (Kernel kernel = device.load(problem.spec(), plan().kernels(problem))) {
                new Placed(device, plan()).run(problem, kernel, 3);
                return Optional.empty();
              } catch (AssertionError e) {
                return Optional.of(e.getMessage() + trial);
              }
            }),
        trials.size());
  }

  /** A kernel is compiled once for all sizes and all values of its params: a hundred of each. */
  @Test
  void oneKernelServesAllSizesAndParams() {
    List<AttentionSpec> specs =
        Stream.of("gemma2_local", "streaming_llm", "prefix_lm", "dilated_window", "natten_1d")
            .map(Kernels::library)
            .toList();
    HeadDim dim = new HeadDim(24, 24); // No other test takes it: all its kernels are counted here.
    none(each(specs, (spec, device) -> servedByOneKernel(spec, dim, device)), specs.size());
    for (AttentionSpec spec : specs) {
      Problem any = Trial.of(spec, Dtype.BF16, new Shape(1, 1, 1, 1, 1, dim)).problem().problem();
      long candidates = Kernels.compiled(spec, dim, plan().targets());
      assertEquals(plan().kernels(any).size(), candidates, spec.name());
    }
  }

  private Optional<String> servedByOneKernel(AttentionSpec spec, HeadDim dim, Device device) {
    Random random = new Random(spec.name().hashCode());
    List<Trial> trials = new ArrayList<>();
    for (int i = 0; i < 100; i++) {
      Trial trial = Trial.of(spec, Dtype.BF16, size(random, dim));
      for (ParamDecl param : spec.params()) {
        trial = trial.param(param.name(), value(param, random));
      }
      trials.add(trial);
    }
    Problem first = trials.getFirst().problem().problem();
    try (Kernel kernel = device.load(spec, plan().kernels(first))) {
      for (Trial trial : trials) {
        Problem problem = trial.problem().problem();
        Optional<String> wrong =
            Trial.failures(problem, new Placed(device, plan()).run(problem, kernel, 1));
        if (wrong.isPresent()) {
          return wrong.map(w -> w + trial);
        }
      }
      return Optional.empty();
    } catch (DeviceException | AssertionError e) {
      return Optional.of(spec.name() + ": " + e.getMessage());
    }
  }

  private static Shape size(Random random, HeadDim dim) {
    int kvHeads = 1 + random.nextInt(2);
    int heads = kvHeads * (1 + random.nextInt(2));
    int batch = 1 + random.nextInt(2);
    return new Shape(batch, heads, kvHeads, 1 + random.nextInt(140), 1 + random.nextInt(140), dim);
  }

  /** One of its values, those that matter at these sizes. */
  private static double value(ParamDecl param, Random random) {
    double low = Math.max(param.range().low(), -300);
    double high = Math.min(param.range().high(), 300);
    double value = low + (high - low) * random.nextDouble();
    return param.type() == ScalarType.INT ? Math.ceil(value) : Math.max(value, low + 1e-3);
  }

  /** Sequences that have their own lengths, packed and padded. */
  @Test
  void everyBatch() {
    List<BatchTrial> trials = Batches.trials();
    none(each(trials, (trial, device) -> trial.failure(device, plan())), trials.size());
  }

  /** Residue classes of a mask, each a problem of its own. */
  @Test
  void everyResidueClass() {
    run(ResidueClasses.trials());
  }
}
