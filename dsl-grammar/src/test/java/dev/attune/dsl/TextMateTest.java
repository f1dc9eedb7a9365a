package dev.attune.dsl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.attune.dsl.diagnostic.Source;
import dev.attune.dsl.syntax.generated.AttnLexer;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Holds the editors' grammar to the language. */
final class TextMateTest {
  /** A pattern of the grammar and the scope of its whole match or of its first group. */
  private record Rule(Pattern pattern, String scope) {}

  private static final List<Rule> RULES = new ArrayList<>();

  @BeforeAll
  static void read() throws IOException {
    JsonNode grammar;
    try (InputStream in = TextMateTest.class.getResourceAsStream("attn.tmLanguage.json")) {
      grammar = new ObjectMapper().readTree(Objects.requireNonNull(in));
    }
    for (JsonNode include : grammar.get("patterns")) {
      String name = include.get("include").asText().substring(1);
      JsonNode group = Objects.requireNonNull(grammar.get("repository").get(name), name);
      for (JsonNode rule : group.get("patterns")) {
        String scope =
            rule.has("name")
                ? rule.get("name").asText()
                : rule.get("captures").get("1").get("name").asText();
        RULES.add(new Rule(Pattern.compile(rule.get("match").asText()), scope));
      }
    }
    assertEquals("source.attn", grammar.get("scopeName").asText());
  }

  /** The scope of the word at an offset, as an editor finds it: earliest match, first rule. */
  private static String scopeAt(String line, int offset) {
    int at = 0;
    while (at <= offset) {
      Matcher best = null;
      String scope = "";
      for (Rule rule : RULES) {
        Matcher m = rule.pattern().matcher(line).region(at, line.length());
        m.useTransparentBounds(true).useAnchoringBounds(false);
        if (m.find() && m.end() > m.start() && (best == null || m.start() < best.start())) {
          best = m;
          scope = rule.scope();
        }
      }
      if (best == null || best.start() > offset) {
        return "";
      }
      if (offset < best.end()) {
        return scope;
      }
      at = best.end();
    }
    return "";
  }

  private static List<String> keywords() {
    return IntStream.rangeClosed(AttnLexer.ATTENTION, AttnLexer.BOOL)
        .mapToObj(AttnLexer.VOCABULARY::getLiteralName)
        .map(l -> l.substring(1, l.length() - 1))
        .toList();
  }

  @Test
  void everyKeywordHasAScope() {
    for (String keyword : keywords()) {
      String scope = scopeAt(keyword, 0);
      assertTrue(
          scope.startsWith("keyword.")
              || scope.startsWith("storage.type")
              || scope.startsWith("constant.language")
              || keyword.equals("score"),
          keyword + " has scope '" + scope + "'");
    }
    assertEquals("variable.language.attn", scopeAt("score", 0));
    assertEquals("keyword.declaration.attn", scopeAt("score = q", 0));
  }

  @Test
  void everyWordOfEverySpecIsScoped() {
    Pattern word = Pattern.compile("[A-Za-z_][A-Za-z0-9_]*");
    int checked = 0;
    for (Source spec : Specs.all()) {
      for (int n = 1; n <= spec.lines(); n++) {
        String line = spec.lineText(n);
        Matcher m = word.matcher(line);
        while (m.find()) {
          String scope = scopeAt(line, m.start());
          if (line.startsWith("//")) {
            assertEquals("comment.line.double-slash.attn", scope, spec + ":" + n);
          } else if (keywords().contains(m.group()) && !scope.startsWith("comment")) {
            assertFalse(scope.isEmpty(), spec + ":" + n + ": " + m.group());
            checked++;
          }
        }
      }
    }
    assertTrue(checked > 100, "keywords seen: " + checked);
  }

  @Test
  void floorDivisionIsNoComment() {
    assertEquals("keyword.operator.attn", scopeAt("  mask = q // 64 == kv", 11));
    assertEquals("comment.line.double-slash.attn", scopeAt("  sink = s[h]   // a logit", 20));
  }
}
