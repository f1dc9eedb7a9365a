package dev.attune.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.attune.ptx.artifact.Artifacts;
import dev.attune.runtime.cache.DiskCache;
import dev.attune.runtime.cache.Key;
import dev.attune.specs.SpecLibrary;
import java.awt.image.BufferedImage;
import java.io.File;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.LongStream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The commands that show or write something and run nothing. */
final class ExplainCommandTest {
  @TempDir private Path dir;

  static List<String> names() {
    return SpecLibrary.basics();
  }

  private static Attune ok(String... arguments) {
    Attune run = Attune.run(arguments);
    assertEquals(0, run.code(), run.out() + run.err());
    return run;
  }

  @ParameterizedTest
  @MethodSource("names")
  void everyStageOfEveryBuiltInPrints(String name) {
    for (String stage : List.of("syntax", "spec", "tile", "schedule", "ptx")) {
      assertTrue(!ok("explain", name, "--stage", stage).out().isBlank(), name + " " + stage);
    }
  }

  @Test
  void causalVisitsHalfTheTiles() {
    String out = ok("explain", "causal", "--seq", "4096").out();
    Matcher visited = Pattern.compile("(\\d+) of (\\d+) tiles visited").matcher(out);
    assertTrue(visited.find(), out);
    double share = Double.parseDouble(visited.group(1)) / Double.parseDouble(visited.group(2));
    assertTrue(share > 0.5 && share < 0.54, out);
    assertTrue(out.contains("registers"), out);
  }

  @Test
  void tileTestsVisitNoMoreThanTheLoops() {
    String out = ok("explain", "sliding_window", "--seq", "2000", "--param", "window=300").out();
    Matcher counts = Pattern.compile("(kernel|mask) +(\\d+) of \\d+ tiles visited").matcher(out);
    assertTrue(counts.find(), out);
    assertEquals("kernel", counts.group(1));
    long kernel = Long.parseLong(counts.group(2));
    assertTrue(counts.find(), out);
    assertEquals("mask", counts.group(1));
    assertTrue(Long.parseLong(counts.group(2)) <= kernel, out);
  }

  @Test
  void picturesAreFilesOfTheirKind() throws Exception {
    Path svg = dir.resolve("mask.svg");
    Path png = dir.resolve("mask.PNG");
    ok(
        "explain",
        "sliding_window",
        "--seq",
        "65536",
        "--stage",
        "schedule",
        "--picture",
        svg.toString());
    String text = Files.readString(svg);
    assertTrue(text.startsWith("<svg ") && text.endsWith("</svg>\n"), text);
    assertTrue(text.contains("sliding_window, 65536 x 65536"), text);
    assertTrue(text.length() < 400_000, "a rectangle for each tile: " + text.length());
    ok("explain", "causal", "--seq", "300", "--kv-seq", "1000", "--picture", png.toString());
    BufferedImage image = ImageIO.read(png.toFile());
    assertEquals(0x2B6CB0, image.getRGB(86, 180) & 0xFFFFFF); // The lower left is full.
    assertEquals(0xF4F4F4, image.getRGB(700, 80) & 0xFFFFFF); // The upper right is skipped.
    Attune wrong = Attune.run("explain", "causal", "--picture", "mask.jpg");
    assertEquals(2, wrong.code());
    assertTrue(wrong.err().contains("expected a .svg or .png file"), wrong.err());
  }

  @Test
  void stopAfterShowsTheKernelThere() {
    String lowered = ok("explain", "causal", "--stage", "tile", "--stop-after", "lower").out();
    String split = ok("explain", "causal", "--stage", "tile", "--stop-after", "split-phases").out();
    String all = ok("explain", "causal", "--stage", "tile").out();
    assertTrue(!lowered.contains("for bulk") && split.contains("for bulk"), split);
    assertNotEquals(split, all);
    Attune unknown = Attune.run("explain", "causal", "--stage", "tile", "--stop-after", "none");
    assertEquals(1, unknown.code());
    assertTrue(unknown.err().contains("split-phases"), unknown.err());
  }

  @Test
  void persistentKernelsAreExplained() {
    String schedule = ok("explain", "causal", "--target", "sm_90a", "--stage", "schedule").out();
    assertTrue(schedule.contains("grid: min(SMs, ceil(Sq / "), schedule);
    Matcher counts =
        Pattern.compile(
                "(\\d+) of (\\d+) tiles visited .*: (\\d+) full, (\\d+) masked; (\\d+) skipped")
            .matcher(ok("explain", "causal", "--target", "sm_90a", "--seq", "1000").out());
    assertTrue(counts.find());
    long[] n =
        LongStream.rangeClosed(1, 5).map(i -> Long.parseLong(counts.group((int) i))).toArray();
    assertEquals(n[0], n[2] + n[3]);
    assertEquals(n[1], n[0] + n[4]);
    assertTrue(n[2] > 0 && n[3] > 0 && n[4] > 0, counts.group());
  }

  @Test
  void passesAreTimedBesideTheResult() {
    Attune run = ok("explain", "causal", "--stage", "tile", "--time-passes");
    assertTrue(run.err().contains("split-phases"), run.err());
    assertEquals(ok("explain", "causal", "--stage", "tile").out(), run.out());
  }

  @Test
  void compileWritesWhatItSays() throws Exception {
    Path target = dir.resolve("made/here");
    Attune run =
        ok(
            "compile",
            "gpt_oss",
            "-o",
            target.toString(),
            "--name",
            "mine",
            "--target",
            "sm_90a",
            "--dtype",
            "f16",
            "--head-dim",
            "64",
            "--cubin");
    assertTrue(Files.size(target.resolve("mine.cubin")) > 0);
    assertTrue(run.out().contains("registers, 0 bytes spilled"), run.out());
    assertEquals("gpt_oss", Artifacts.read(target, "mine").manifest().spec());
    Attune again = ok("compile", "gpt_oss", "-o", dir.toString());
    assertTrue(Files.exists(dir.resolve("gpt_oss.ptx")), again.out());
    assertTrue(Files.exists(dir.resolve("gpt_oss.json")), again.out());
    assertTrue(!Files.exists(dir.resolve("gpt_oss.cubin")), again.out());
  }

  @Test
  void specsHasOneLineEach() {
    List<String> lines = ok("specs").out().lines().toList();
    assertEquals(SpecLibrary.names().size(), lines.size());
    assertTrue(lines.stream().allMatch(l -> l.matches("\\S+  +\\S.*")), lines.toString());
  }

  @Test
  void doctorSaysWhatThereIs() {
    String out = ok("doctor").out();
    for (String part : List.of("java", "assembler", "cache", "driver", "emulated")) {
      assertTrue(out.contains(part), out);
    }
  }

  @Test
  void doctorClearsTheCache() throws Exception {
    Path root = dir.resolve("cache");
    DiskCache cache = DiskCache.at(root);
    cache.put(Key.of("cubin", "x"), new byte[5000]);
    Attune shown = attune(root, "doctor");
    assertTrue(
        shown.out().contains("cache      %s, 1 entries, 5 KiB".formatted(root.resolve("entries"))),
        shown.out());
    Attune cleared = attune(root, "doctor", "--clear-cache");
    assertTrue(cleared.out().contains("entries, 0 entries, 0 KiB"), cleared.out());
    assertEquals(0, cache.usage().entries());
    Files.setPosixFilePermissions(root, PosixFilePermissions.fromString("rwxrwxrwx"));
    Attune off = attune(root, "doctor");
    assertTrue(
        off.out().contains("cache      off: %s can be written by other users".formatted(root)),
        off.out());
  }

  /** Runs the command in a process of its own, with a cache of its own. */
  private static Attune attune(Path cache, String... arguments) throws Exception {
    List<String> command =
        new ArrayList<>(
            List.of(
                System.getProperty("java.home") + File.separator + "bin" + File.separator + "java",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                Main.class.getName()));
    command.addAll(List.of(arguments));
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().put("ATTUNE_CACHE", cache.toString());
    Process process = builder.start();
    String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    return new Attune(process.waitFor(), out, "");
  }

  @Test
  void checkTakesSeveralFiles() throws Exception {
    Path bad = Files.writeString(dir.resolve("bad.attn"), "attention a {\n  mask = nothing\n}\n");
    Attune run = Attune.run("check", "causal", bad.toString());
    assertEquals(1, run.code());
    assertTrue(run.out().contains("causal: ok"), run.out());
    assertTrue(run.out().contains("bad.attn: 1 error"), run.out());
    assertTrue(run.err().contains("bad.attn:2:10"), run.err());
    Attune json = Attune.run("check", bad.toString(), "--format", "json");
    assertTrue(json.out().startsWith("[") && json.err().isEmpty(), json.out() + json.err());
    Attune line = Attune.run("check", bad.toString(), "--format", "line");
    assertEquals(1, line.out().lines().count());
  }
}
