package dev.attune.samples.jit;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.attune.compiler.spec.NdArray;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The sample computes what it says, and the README shows it as it is. */
final class WindowAttentionTest {

  @Test
  void equalKeysGiveTheMeanOfTheWindow() {
    int seq = 40;
    NdArray q = NdArray.floats(1, seq, 1, 8);
    NdArray k = NdArray.floats(1, seq, 1, 8);
    NdArray v = NdArray.floats(1, seq, 1, 8);
    for (int i = 0; i < seq * 8; i++) {
      v.floats()[i] = (float) Math.floorDiv(i, 8); // The key's position, exact in bf16.
    }
    NdArray o = WindowAttention.window(q, k, v, 3);
    assertArrayEquals(new int[] {1, seq, 1, 8}, o.shape());
    assertEquals(0, o.floats()[0]);
    assertEquals(0.5f, o.floats()[8]);
    for (int row = 2; row < seq; row++) {
      assertEquals(row - 1, o.floats()[row * 8], 1f / 8, "row " + row);
    }
  }

  @Test
  void theReadmeShowsTheSample() throws IOException {
    Path here = Path.of("").toAbsolutePath();
    Path source = here.resolve("src/main/java/dev/attune/samples/jit/WindowAttention.java");
    List<String> lines = Files.readAllLines(source);
    int from = lines.indexOf("    // README");
    int to = lines.indexOf("    // end of README");
    assertTrue(from >= 0 && to > from, "the sample has lost its marks");
    String snippet =
        String.join(
            "\n",
            lines.subList(from + 1, to).stream().map(l -> l.replaceFirst("^ {4}", "")).toList());
    String readme = Files.readString(here.resolveSibling("README.md"));
    assertTrue(
        readme.contains("```java\n" + snippet + "\n```"),
        "README.md must show this between ```java and ```:\n" + snippet);
  }
}
