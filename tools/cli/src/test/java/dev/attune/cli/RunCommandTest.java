package dev.attune.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.attune.compiler.spec.NdArray;
import dev.attune.runtime.Npy;
import dev.attune.specs.SpecLibrary;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** {@code attune run} on the emulated device. */
final class RunCommandTest {
  @TempDir private Path dir;

  static List<String> names() {
    return SpecLibrary.basics();
  }

  @ParameterizedTest
  @MethodSource("names")
  void everyBuiltInPasses(String name) {
    Attune run =
        Attune.run(
            "run",
            name,
            "--device",
            "emulated",
            "--seq",
            "70",
            "--kv-seq",
            "83",
            "--heads",
            "2",
            "--kv-heads",
            "1",
            "--head-dim",
            "32");
    assertEquals(0, run.code(), run.out() + run.err());
    assertTrue(run.last().startsWith("PASS device=emulated kernel=attune_" + name), run.last());
    for (String key : List.of("max_err", "max_ratio", "rmse_ratio", "time_ms")) {
      assertTrue(Double.isFinite(Double.parseDouble(run.value(key))), key + " in " + run.last());
    }
    boolean weight = name.equals("sigmoid");
    assertEquals(weight, run.value("lse_err").equals("n/a"), run.last());
  }

  @Test
  void filesGiveTheShapesAndTakeTheResults() {
    NdArray q = ramp(1, 5, 2, 16);
    NdArray k = ramp(1, 9, 1, 16);
    NdArray v = ramp(1, 9, 1, 24);
    Npy.write(dir.resolve("q.npy"), q);
    Npy.write(dir.resolve("k.npy"), k);
    Npy.write(dir.resolve("v.npy"), v);
    Attune run =
        Attune.run(
            "run",
            "causal_bottom_right",
            "--device",
            "emulated",
            "--dtype",
            "f16",
            "--q",
            file("q.npy"),
            "--k",
            file("k.npy"),
            "--v",
            file("v.npy"),
            "--out",
            file("o.npy"),
            "--lse",
            file("lse.npy"));
    assertEquals(0, run.code(), run.out() + run.err());
    assertArrayEquals(new int[] {1, 5, 2, 24}, Npy.read(dir.resolve("o.npy")).shape());
    assertArrayEquals(new int[] {1, 2, 5}, Npy.read(dir.resolve("lse.npy")).shape());
    assertEquals("f16", run.value("dtype"));
  }

  @Test
  void capturedTensorsAndParamsComeFromTheCommandLine() {
    Npy.write(dir.resolve("slopes.npy"), new NdArray(new int[] {2}, new float[] {0.5f, 0.25f}));
    Attune alibi =
        Attune.run(
            "run",
            "alibi",
            "--device",
            "emulated",
            "--seq",
            "40",
            "--tensor",
            "slopes=" + file("slopes.npy"));
    assertEquals(0, alibi.code(), alibi.out() + alibi.err());
    assertTrue(alibi.out().contains("slopes.npy"), alibi.out());
    Attune window =
        Attune.run(
            "run", "sliding_window", "--device", "emulated", "--seq", "40", "--param", "window=7");
    assertEquals(0, window.code(), window.out() + window.err());
    assertTrue(window.out().contains("window = 7"), window.out());
  }

  @Test
  void aFailureOfTheComparisonIsAFailure() throws IOException {
    // Float32 loses the score beside 1e9, the float64 reference does not.
    Path spec = dir.resolve("steep.attn");
    Files.writeString(spec, "attention steep {\n  score = score * scale + 1e9 - 1e9\n}\n");
    Attune run =
        Attune.run("run", spec.toString(), "--device", "emulated", "--seq", "8", "--head-dim", "8");
    assertEquals(1, run.code(), run.out() + run.err());
    assertTrue(run.last().startsWith("FAIL "), run.last());
  }

  @Test
  void whyATableOfTheCandidatesIsPrinted() {
    Attune run =
        Attune.run(
            "run", "causal", "--device", "emulated", "--seq", "9", "--head-dim", "16", "--why");
    assertEquals(0, run.code(), run.out() + run.err());
    List<String> lines = run.out().lines().toList();
    int head = lines.indexOf("kernel    target  takes it  queries  schedule");
    assertTrue(head > 0, run.out());
    assertTrue(lines.get(head + 1).startsWith("ampere.1  sm_80   chosen    any      tiles 128 x"));
    assertEquals("hopper            no", lines.get(head + 2));
    assertEquals(
        "    its kernels need sm_90a, compute capability 9.0, and these are for sm_80",
        lines.get(head + 3));
  }

  @Test
  void aKernelCanBeForced() {
    String[] run = {"run", "causal", "--device", "emulated", "--seq", "9", "--head-dim", "16"};
    Attune target = Attune.run(with(run, "--target", "sm_90a", "--kernel", "hopper.2"));
    assertEquals(0, target.code(), target.out() + target.err());
    assertTrue(target.out().contains("hopper.1: only 'hopper.2' may be taken"), target.out());
    Attune refused = Attune.run(with(run, "--kernel", "hopper"));
    assertEquals(1, refused.code());
    assertTrue(
        refused.err().contains("'hopper' was asked for: its kernels need sm_90a"), refused.err());
    Attune unknown = Attune.run(with(run, "--kernel", "turing"));
    assertEquals(1, unknown.code());
    assertTrue(
        unknown.err().contains("'turing' was asked for, but the kernels of 'causal' are ampere.1"),
        unknown.err());
  }

  private static String[] with(String[] run, String... more) {
    return Stream.concat(Arrays.stream(run), Arrays.stream(more)).toArray(String[]::new);
  }

  @Test
  void theSameSeedGivesTheSameResult() {
    List<String> measures = List.of("max_err", "max_ratio", "rmse_ratio", "lse_err");
    String[] command = {
      "run", "softcap", "--device", "emulated", "--seq", "33", "--seed", "5", "--head-dim", "16"
    };
    Attune first = Attune.run(command);
    Attune second = Attune.run(command);
    for (String key : measures) {
      assertEquals(first.value(key), second.value(key));
    }
  }

  @Test
  void sequencesHaveTheirOwnLengths() {
    for (String batching : List.of("packed", "padded")) {
      Attune run =
          Attune.run(
              "run",
              "causal_bottom_right",
              "--device",
              "emulated",
              "--sequences",
              "20,0,7",
              "--kv-sequences",
              "30,4,0",
              "--batching",
              batching,
              "--head-dim",
              "16",
              "--out",
              file("o.npy"));
      assertEquals(0, run.code(), run.out() + run.err());
      assertTrue(run.out().contains("compared  54 of 54 rows"), run.out());
      NdArray o = Npy.read(dir.resolve("o.npy"));
      assertArrayEquals(new int[] {3, 20, 2, 16}, o.shape());
      assertTrue(Float.isNaN(o.floats()[20 * 2 * 16]));
    }
  }

  @Test
  void emptyProblemsPass() {
    for (String[] sizes : new String[][] {{"0", "5"}, {"5", "0"}, {"1", "1"}}) {
      Attune run =
          Attune.run(
              "run", "causal", "--device", "emulated", "--seq", sizes[0], "--kv-seq", sizes[1]);
      assertEquals(0, run.code(), run.out() + run.err());
    }
  }

  private String file(String name) {
    return dir.resolve(name).toString();
  }

  private static NdArray ramp(int... shape) {
    NdArray array = NdArray.floats(shape);
    for (int i = 0; i < array.floats().length; i++) {
      array.floats()[i] = (i * 37 % 64 - 32) / 16f;
    }
    return array;
  }
}
