package dev.attune.compiler.pass;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.attune.compiler.schedule.Schedule;
import dev.attune.compiler.schedule.Schedule.Hopper.Output;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.compiler.tile.TileKernel;
import dev.attune.compiler.tile.TilePrinter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** The text of a few kernels after the whole pipeline: what changes it is seen in review. */
final class HopperGoldenTest {
  private static final Path GOLDEN = Path.of("src/test/resources/dev/attune/compiler/pass");

  private static final String HELP =
      "if the change is meant, rewrite the golden files with -DtestArgs=-Dattune.bless=true and"
          + " read the difference";

  @Test
  void full() throws IOException {
    check(
        "full",
        "",
        128,
        new Schedule.Hopper(128, 2, 2, true, Output.OWN, false, false, true, 8, "golden"));
  }

  @Test
  void causal() throws IOException {
    check(
        "causal",
        "  mask = causal",
        128,
        new Schedule.Hopper(80, 3, 3, false, Output.OWN, false, true, true, 8, "golden"));
  }

  @Test
  void slidingWindow() throws IOException {
    check(
        "sliding_window",
        "  param window : int = 4096 where window >= 1\n  mask = sliding_window(window)",
        256,
        new Schedule.Hopper(64, 2, 2, false, Output.QUERY, true, true, true, 8, "golden"));
  }

  @Test
  void boundedScores() throws IOException {
    check(
        "bounded",
        "  score = softcap(score * scale, 20.0)\n  mask = causal",
        128,
        new Schedule.Hopper(128, 2, 2, true, Output.OWN, false, false, true, 8, "golden"));
  }

  @Test
  void fastSoftcap() throws IOException {
    check(
        "fast_softcap",
        "  score = fast_softcap(score * scale, 20.0)",
        128,
        new Schedule.Hopper(80, 3, 3, false, Output.OWN, false, true, true, 8, "golden"));
  }

  @Test
  void weights() throws IOException {
    check(
        "weights",
        "  weight = relu(score * scale)",
        64,
        new Schedule.Hopper(64, 4, 2, false, Output.OWN, false, false, true, 8, "golden"));
  }

  private static void check(String name, String clauses, int dim, Schedule.Hopper schedule)
      throws IOException {
    TileKernel kernel =
        Compiled.hopper(Compiled.spec(name, clauses), Dtype.BF16, new HeadDim(dim, dim), schedule);
    String text = TilePrinter.print(kernel) + schedule.print() + "\n";
    Path file = GOLDEN.resolve(name + ".tile");
    if (Boolean.getBoolean("attune.bless")) {
      Files.createDirectories(GOLDEN);
      Files.writeString(file, text);
    }
    assertTrue(Files.exists(file), () -> file + " is missing: " + HELP);
    assertEquals(Files.readString(file), text, () -> file + " differs: " + HELP);
  }
}
