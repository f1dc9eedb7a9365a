package dev.attune.dsl.diagnostic;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

final class RenderingTest {
  private static final Path GOLDENS = Path.of("src/test/resources/goldens");

  private static Span span(Source source, String text) {
    int at = source.text().indexOf(text);
    return new Span(source, at, at + text.length());
  }

  private static void golden(String name, String actual) throws IOException {
    Path file = GOLDENS.resolve(name + ".txt");
    if (Boolean.getBoolean("attune.bless")) {
      Files.createDirectories(GOLDENS);
      Files.writeString(file, actual);
    }
    assertTrue(Files.exists(file), "no golden " + file + "; make it with -Dattune.bless=true");
    assertEquals(
        Files.readString(file),
        actual,
        "differs from " + file + "; accept with -Dattune.bless=true");
  }

  @Test
  void longLinesAreCutAroundTheMark() {
    Source s = new Source("long.attn", "x".repeat(500) + "here" + "y".repeat(500) + "\n");
    String text =
        Rendering.terminal(
            Diagnostic.at(span(s, "here"), Code.BAD_SOFTCAP, "too long").label("this"), false);
    List<String> lines = text.lines().toList();
    assertEquals(" 1 | " + "x".repeat(60) + "here" + "y".repeat(56), lines.get(3));
    assertEquals("   | " + " ".repeat(60) + "^^^^ this", lines.get(4));
  }

  @Test
  void twoLabelsOnOneLine() throws IOException {
    Source s =
        new Source("gemma2.attn", "attention gemma2 {\n  score = softcap(score * scale, 0)\n}\n");
    golden(
        "two-labels",
        Rendering.terminal(
            Diagnostic.at(
                    span(s, "0"), Code.BAD_SOFTCAP, "the cap of softcap must be greater than zero")
                .label("never above zero")
                .also(span(s, "softcap"), "softcap(x, cap) is cap * tanh(x / cap)")
                .help("remove the softcap, or write the cap of your model"),
            false));
  }

  @Test
  void overlappingLabelsAndOtherLines() throws IOException {
    Source s = new Source("a.attn", "let a = 1\n\n\n\nlet a = q - kv\nlet b = 2\n");
    Span second = new Span(s, 17, 18);
    golden(
        "several-lines",
        Rendering.terminal(
            Diagnostic.at(second, Code.DUPLICATE_NAME, "'a' is declared twice")
                .label("again")
                .also(span(s, "a = 1"), "first declared here")
                .also(span(s, "a = q - kv"), "its value")
                .also(span(s, "kv"), "a position")
                .note("names are unique"),
            false));
  }

  @Test
  void tabsWideCharactersAndCrlf() throws IOException {
    Source s = new Source("w.attn", "// 注意 é 😀\r\n\tlet\tx = 漢字 + e\u0301 + y\r\n");
    golden(
        "wide",
        Rendering.terminal(
            Diagnostic.at(span(s, "y"), Code.UNKNOWN_NAME, "unknown name 'y'")
                .label("here")
                .also(span(s, "漢字"), "wide"),
            false));
    assertEquals(2, span(s, "y").line());
    assertEquals(20, span(s, "y").column());
  }

  @Test
  void endOfFileAndEmptyFile() throws IOException {
    Source s = new Source("e.attn", "attention a {\n");
    Source empty = new Source("empty.attn", "");
    golden(
        "ends",
        Rendering.terminal(
                Diagnostic.at(new Span(s, 14, 14), Code.SYNTAX, "expected '}'")
                    .also(span(s, "{"), "this '{' is not closed"),
                false)
            + Rendering.terminal(
                Diagnostic.at(new Span(empty, 0, 0), Code.NOTHING_DECLARED, "nothing"), false));
  }

  @Test
  void colourOnlyAddsEscapes() {
    Source s = new Source("a.attn", "mask = causl and causal\n");
    Diagnostic d =
        Diagnostic.at(span(s, "causl"), Code.UNKNOWN_NAME, "unknown name 'causl'")
            .label("here")
            .also(span(s, "causal"), "like this")
            .help("did you mean 'causal'?");
    String plain = Rendering.terminal(d, false);
    String coloured = Rendering.terminal(d, true);
    assertTrue(coloured.contains("\u001b[1;31m"));
    assertEquals(plain, coloured.replaceAll("\u001b\\[[0-9;]*m", ""));
  }

  @Test
  void oneLine() {
    Source s = new Source("dir/a.attn", "\n  mask = causl\n");
    assertEquals(
        "dir/a.attn:2:10: error[ATTN020]: unknown name 'causl'",
        Rendering.line(Diagnostic.at(span(s, "causl"), Code.UNKNOWN_NAME, "unknown name 'causl'")));
    assertEquals(
        "dir/a.attn:2:3: warning[ATTN027]: unused",
        Rendering.line(Diagnostic.at(span(s, "mask"), Code.UNUSED, "unused")));
  }

  @Test
  void json() throws IOException {
    Source s = new Source("a.attn", "// 😀\nmask = causl\n");
    Span at = span(s, "causl");
    JsonNode node =
        new ObjectMapper()
            .readTree(
                Rendering.json(
                    List.of(
                        Diagnostic.at(at, Code.UNKNOWN_NAME, "unknown name \"causl\"")
                            .label("here")
                            .note("a note")
                            .help(Help.edit("did you mean 'causal'?", at, "causal")))))
            .get(0);
    assertEquals("ATTN020", node.get("code").asText());
    assertEquals("unknown name \"causl\"", node.get("message").asText());
    assertEquals(2, node.get("primary").get("line").asInt());
    assertEquals(8, node.get("primary").get("column").asInt());
    assertEquals(13, node.get("primary").get("endColumn").asInt());
    assertEquals("causal", node.get("fix").get("replacement").asText());
    assertEquals("a note", node.get("notes").get(0).asText());
  }
}
