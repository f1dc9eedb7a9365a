package dev.attune.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.compiler.tile.TilePrinter;
import dev.attune.ptx.compile.KernelCompiler.Compilation;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The tiles of a few kernels as text and their PTX as a hash: what changes them is seen in review.
 */
final class GoldenTest {
  private static final Path GOLDEN = Path.of("src/test/resources/golden");

  private static final String HELP =
      "if the change is meant, rewrite the golden files with -DtestArgs=-Dattune.bless=true and"
          + " read the difference";

  @ParameterizedTest
  @CsvSource({
    "full, BF16, 64, 64",
    "causal, BF16, 128, 128",
    "gemma2_local, BF16, 256, 256",
    "gpt_oss, F16, 64, 64",
    "sigmoid, BF16, 64, 40",
    "document_causal, F16, 192, 128"
  })
  void kernelsStay(String name, Dtype dtype, int qk, int v) throws IOException {
    Compilation compiled = Kernels.compile(name, dtype, new HeadDim(qk, v));
    String text =
        TilePrinter.print(compiled.tiles())
            + compiled.schedule().print()
            + "\nptx sha256 "
            + Kernels.sha256(compiled.artifact().ptx())
            + "\n";
    Path file = GOLDEN.resolve("%s_%s_%d_%d.txt".formatted(name, dtype.keyword(), qk, v));
    if (Boolean.getBoolean("attune.bless")) {
      Files.createDirectories(GOLDEN);
      Files.writeString(file, text);
    }
    assertTrue(Files.exists(file), () -> file + " is missing: " + HELP);
    assertEquals(Files.readString(file), text, () -> file + " differs: " + HELP);
  }
}
