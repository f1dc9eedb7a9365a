package dev.attune.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.attune.compiler.spec.NdArray;
import dev.attune.runtime.Npy;
import dev.attune.runtime.cuda.CudaProbe;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Bad input ends with exit code 1 (a bad command line with 2), a clear message and no trace. */
final class BadInputTest {
  @TempDir private Path dir;

  private static String refused(int code, Attune run, String... expected) {
    assertEquals(code, run.code(), run.out() + run.err());
    assertFalse(run.err().contains("\tat "), run.err());
    assertFalse(run.err().contains("Exception"), run.err());
    assertFalse(run.err().contains("internal error"), run.err());
    for (String text : expected) {
      assertTrue(run.err().contains(text), "expected '" + text + "' in: " + run.err());
    }
    return run.err();
  }

  private String spec(String text) {
    return write("bad.attn", text.getBytes(StandardCharsets.UTF_8));
  }

  private String write(String name, byte[] bytes) {
    try {
      return Files.write(dir.resolve(name), bytes).toString();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private String npy(String name, NdArray array) {
    Path file = dir.resolve(name);
    Npy.write(file, array);
    return file.toString();
  }

  private static Attune run(String... more) {
    String[] all = new String[more.length + 3];
    all[0] = "run";
    System.arraycopy(more, 0, all, 1, more.length);
    all[more.length + 1] = "--device";
    all[more.length + 2] = "emulated";
    return Attune.run(all);
  }

  @Test
  void unknownNamesComeWithTheNearest() {
    refused(
        1, Attune.run("check", spec("attention a {\n  mask = casual\n}\n")), "casual", "causal");
    refused(1, run("gemma2_locl"), "gemma2_locl", "gemma2_local");
    refused(1, run("sliding_window", "--param", "windw=4"), "windw", "window");
    refused(1, run("alibi", "--tensor", "slope=x.npy"), "slope", "slopes");
  }

  @Test
  void typesAndRanksMustFit() {
    refused(1, Attune.run("check", spec("attention a {\n  mask = q + 1\n}\n")), "bool");
    refused(
        1,
        Attune.run(
            "check", spec("attention a {\n  tensor t : int[B, Skv]\n  mask = t[kv] > 0\n}\n")),
        "t");
  }

  @Test
  void paramsKeepTheirWhere() {
    refused(1, run("gemma2_local", "--param", "window=0"), "window is 0", "window >= 1");
    refused(1, run("gemma2_local", "--param", "window=2.5"), "window is '2.5'", "int");
    refused(1, run("gemma2_local", "--param", "cap=nan"), "cap is 'nan'", "float");
    refused(2, run("gemma2_local", "--param", "window"), "name=value");
  }

  @Test
  void sequencesMustFit() {
    refused(2, run("causal", "--sequences", "3,x"), "'3,x'", "512,0,100");
    refused(2, run("causal", "--sequences", "3,-1"), "'3,-1'");
    refused(2, run("causal", "--sequences", "3,4", "--kv-sequences", "5"), "2", "1", "as many");
    refused(2, run("causal", "--batching", "packed"), "--batching needs --sequences");
    refused(2, run("causal", "--kv-sequences", "5"), "--kv-sequences needs --sequences");
    refused(2, run("causal", "--sequences", "5", "--batching", "dense"), "dense");
    refused(1, run("causal", "--sequences", "3,4", "--batch", "3"), "2 lengths", "3 sequences");
    refused(1, run("causal", "--sequences", "9", "--seq", "8"), "--sequences", "9", "at most 8");
    refused(
        2,
        Attune.run("compile", "causal", "--packed-rows", "64", "--batching", "padded"),
        "--packed-rows is for dense batches");
  }

  @Test
  void headDimsAndHeads() {
    refused(1, run("causal", "--head-dim", "100"), "100", "multiples of 8 from 8 to 256");
    refused(1, run("causal", "--head-dim", "512"), "512", "multiples of 8 from 8 to 256");
    refused(1, run("causal", "--head-dim", "0"), "0", "multiples of 8 from 8 to 256");
    refused(2, run("causal", "--head-dim", "wide"), "wide", "128");
    refused(1, run("causal", "--heads", "6", "--kv-heads", "4"), "6", "4");
    refused(1, run("causal", "--seq", "-1"), "seq=-1");
    refused(1, run("causal", "--seq", "99999999"), "16777216");
    refused(1, run("causal", "--batch", "65536", "--seq", "16777216", "--heads", "64"), "elements");
  }

  @Test
  void whatTheSpecFixesStays() {
    String fixed = spec("attention a {\n  dtype f16\n  head_dim 64\n}\n");
    refused(1, run(fixed, "--dtype", "bf16"), "bf16", "f16");
    refused(1, run(fixed, "--head-dim", "32"), "32", "64");
    refused(2, run("causal", "--dtype", "fp8"), "fp8", "bf16 or f16");
  }

  @Test
  void arraysMustAgree() {
    String q = npy("q.npy", NdArray.floats(1, 8, 2, 16));
    String k = npy("k.npy", NdArray.floats(1, 9, 2, 24));
    String v = npy("v.npy", NdArray.floats(1, 9, 2, 16));
    refused(1, run("full", "--q", q, "--k", k, "--v", v), "head dim", "16", "24");
    refused(1, run("full", "--q", q, "--k", v, "--v", v, "--heads", "4"), "--heads", "4", "2");
    refused(2, run("full", "--q", q), "--q, --k and --v");
    String flat = npy("flat.npy", NdArray.floats(8, 16));
    refused(1, run("full", "--q", flat, "--k", v, "--v", v), "4 axes", "[8, 16]");
  }

  @Test
  void filesOfArraysAreChecked() {
    String v = npy("v.npy", NdArray.floats(1, 9, 2, 16));
    String ints = npy("i.npy", new NdArray(new int[] {1, 1, 1, 8}, new int[8]));
    refused(1, run("full", "--q", ints, "--k", v, "--v", v), "int32", "float32");
    byte[] whole = read(v);
    String cut = write("cut.npy", Arrays.copyOf(whole, whole.length - 5));
    refused(1, run("full", "--q", cut, "--k", v, "--v", v), "cut.npy", "truncated");
    String head = write("head.npy", Arrays.copyOf(whole, 9));
    refused(1, run("full", "--q", head, "--k", v, "--v", v), "head.npy", "truncated");
    String other = write("other.npy", "not an array".getBytes(StandardCharsets.UTF_8));
    refused(1, run("full", "--q", other, "--k", v, "--v", v), "other.npy", "not a .npy file");
    refused(1, run("full", "--q", "none.npy", "--k", v, "--v", v), "none.npy", "does not exist");
    String doubles =
        write(
            "d.npy",
            new String(whole, StandardCharsets.ISO_8859_1)
                .replace("<f4", "<f8")
                .getBytes(StandardCharsets.ISO_8859_1));
    refused(1, run("full", "--q", doubles, "--k", v, "--v", v), "float64", "float32");
  }

  private static byte[] read(String file) {
    try {
      return Files.readAllBytes(Path.of(file));
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void capturedTensorsAreHeldToTheirDeclaration() {
    String three = npy("three.npy", NdArray.floats(3));
    refused(1, run("alibi", "--tensor", "slopes=" + three), "[3]", "[2]", "Hq");
    String ints = npy("ints.npy", new NdArray(new int[] {2}, new int[2]));
    refused(1, run("alibi", "--tensor", "slopes=" + ints), "int32", "float32");
    String fact =
        spec("attention a {\n  tensor t : int[Skv] where nondecreasing\n  mask = t[kv] <= q\n}\n");
    String falling = npy("falling.npy", new NdArray(new int[] {2}, new int[] {3, 1}));
    refused(1, run(fact, "--seq", "2", "--tensor", "t=" + falling), "1 after 3", "nondecreasing");
  }

  @Test
  void targetsAndDevices() {
    refused(1, run("causal", "--target", "sm_10"), "sm_10", "sm_80");
    refused(
        1,
        Attune.run("compile", "causal", "--target", "sm_100", "-o", dir.toString()),
        "sm_100",
        "sm_80");
    refused(2, Attune.run("run", "causal", "--device", "tpu"), "tpu");
  }

  @Test
  void withoutACudaDeviceItSaysWhy() {
    Assumptions.assumeTrue(CudaProbe.probe().usable().isEmpty());
    refused(1, Attune.run("run", "causal", "--device", "cuda"), "no CUDA device", "emulated");
  }

  @Test
  void monstersAreRefusedQuickly() {
    String deep = "(".repeat(10_000) + "score" + ")".repeat(10_000);
    refused(1, Attune.run("check", spec("attention a {\n  score = " + deep + "\n}\n")), "nest");
    refused(1, Attune.run("check", spec("x".repeat(1 << 20))), "65536");
    byte[] noise = new byte[4096];
    new Random(1).nextBytes(noise);
    refused(1, Attune.run("check", write("noise.attn", noise)), "noise.attn");
    refused(1, Attune.run("check", write("zero.attn", new byte[100])), "zero.attn");
    refused(1, Attune.run("check", write("huge.attn", new byte[5 << 20])), "huge.attn", "64 KiB");
  }

  @Test
  void filesThatAreNone() {
    refused(1, Attune.run("check", "nothere.attn"), "nothere.attn");
    refused(1, Attune.run("check", dir.toString()), "is a directory");
    refused(1, Attune.run("check", "a\0b"), "no name of a file");
  }

  @Test
  void severalAttentionsNeedAChoice() {
    String two = spec("attention a { }\nattention b {\n  mask = causal\n}\n");
    refused(1, run(two), "a, b", "--attention");
    refused(1, run(two, "--attention", "c"), "'c'", "a, b");
    assertEquals(0, run(two, "--attention", "b", "--seq", "16").code());
  }

  @Test
  void weightsHaveNoLse() {
    refused(1, run("sigmoid", "--lse", dir.resolve("l.npy").toString()), "no LSE");
  }

  @Test
  void emulatedTimesAreNotMeasured() {
    refused(1, Attune.run("bench", "causal", "--device", "emulated"), "--device cuda");
    String table = dir.resolve("t.json").toString();
    refused(1, Attune.run("tune", "-o", table, "--device", "emulated"), "--device cuda");
    refused(2, Attune.run("bench", "causal", "--lengths", "0"), "--lengths has 0");
    refused(2, Attune.run("bench", "causal", "--head-dim", "x"), "--head-dim is 'x'");
    refused(2, Attune.run("bench", "causal", "--rounds", "0"), "--rounds");
    refused(2, Attune.run("tune"), "-o");
  }

  @Test
  void commandLines() {
    refused(2, Attune.run(), "expected a command");
    refused(2, Attune.run("rum", "causal"), "rum", "run");
    refused(2, Attune.run("run"), "FILE");
    refused(2, Attune.run("run", "causal", "--sequence", "3"), "--sequence");
    refused(2, Attune.run("run", "causal", "--seq", "many"), "many");
    refused(1, run("causal", "--scale", "0"), "--scale");
    refused(1, run("causal", "--scale", "NaN"), "--scale");
  }
}
