package dev.attune.proof;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.attune.compiler.schedule.Batching;
import dev.attune.compiler.schedule.Schedule;
import dev.attune.compiler.schedule.Target;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.compiler.tile.TilePrinter;
import dev.attune.ptx.compile.KernelCompiler;
import dev.attune.ptx.compile.KernelCompiler.Compilation;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;

/**
 * A kernel of each family, as tiles after all passes and as PTX: what changes is seen in review.
 */
class GoldenTest {
  private static final Path GOLDEN = Path.of("src/test/resources/golden");

  private static final String HELP =
      "if the change is meant, rewrite the golden files with -DtestArgs=-Dattune.bless=true and"
          + " read the difference";

  @Test
  void ampere() throws IOException {
    check(
        "causal_d128_sm_80",
        Target.SM_80,
        new Schedule.Ampere(128, 64, 4, 2, false, 1, 8, "golden"));
  }

  @Test
  void hopper() throws IOException {
    check(
        "causal_d128_sm_90a",
        Target.SM_90A,
        new Schedule.Hopper(
            80, 3, 3, false, Schedule.Hopper.Output.OWN, false, true, true, 8, "golden"));
  }

  @Test
  void packed() throws IOException {
    check(
        "causal_packed_d128_sm_90a",
        Target.SM_90A,
        new Schedule.Hopper(
                64, 1, 2, false, Schedule.Hopper.Output.DIRECT, false, false, true, 8, "golden")
            .pack());
  }

  @Test
  void sequencesAmpere() throws IOException {
    check(
        "causal_sequences_d64_sm_80",
        Target.SM_80,
        new Schedule.Ampere(64, 64, 4, 2, false, 1, 8, "golden"),
        new HeadDim(64, 64),
        Batching.PADDED);
  }

  @Test
  void sequencesHopper() throws IOException {
    check(
        "causal_sequences_d64_sm_90a",
        Target.SM_90A,
        new Schedule.Hopper(
            64, 1, 2, false, Schedule.Hopper.Output.OWN, false, true, true, 8, "golden"),
        new HeadDim(64, 64),
        Batching.PACKED);
  }

  @Test
  void residueClasses() throws IOException {
    check(
        "dilated_window_d64_sm_90a",
        Kernels.library("dilated_window"),
        Target.SM_90A,
        new Schedule.Hopper(
            64, 1, 2, false, Schedule.Hopper.Output.OWN, false, true, true, 8, "golden"),
        new HeadDim(64, 64),
        Batching.DENSE);
  }

  private static void check(String name, Target target, Schedule schedule) throws IOException {
    check(name, target, schedule, new HeadDim(128, 128), Batching.DENSE);
  }

  private static void check(
      String name, Target target, Schedule schedule, HeadDim dim, Batching batching)
      throws IOException {
    check(name, Kernels.library("causal"), target, schedule, dim, batching);
  }

  private static void check(
      String name,
      AttentionSpec spec,
      Target target,
      Schedule schedule,
      HeadDim dim,
      Batching batching)
      throws IOException {
    Compilation compiled =
        KernelCompiler.compile(
            spec,
            new KernelCompiler.Options(
                target, Dtype.BF16, dim, OptionalInt.empty(), Optional.of(schedule), batching));
    String tiles = TilePrinter.print(compiled.tiles()) + schedule.print() + "\n";
    check(GOLDEN.resolve(name + ".tile"), tiles);
    check(GOLDEN.resolve(name + ".ptx"), compiled.artifact().ptx());
  }

  private static void check(Path file, String text) throws IOException {
    if (Boolean.getBoolean("attune.bless")) {
      Files.createDirectories(GOLDEN);
      Files.writeString(file, text);
    }
    assertTrue(Files.exists(file), () -> file + " is missing: " + HELP);
    assertEquals(Files.readString(file), text, () -> file + " differs: " + HELP);
  }
}
