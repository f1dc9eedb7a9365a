package dev.attune.dsl.syntax;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.attune.dsl.Specs;
import dev.attune.dsl.diagnostic.Code;
import dev.attune.dsl.diagnostic.Diagnostic;
import dev.attune.dsl.diagnostic.Rendering;
import dev.attune.dsl.diagnostic.Source;
import dev.attune.dsl.syntax.generated.AttnLexer;
import dev.attune.dsl.syntax.generated.AttnParser;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.BitSet;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.antlr.v4.runtime.BaseErrorListener;
import org.antlr.v4.runtime.CharStreams;
import org.antlr.v4.runtime.CommonTokenStream;
import org.antlr.v4.runtime.Parser;
import org.antlr.v4.runtime.RecognitionException;
import org.antlr.v4.runtime.Recognizer;
import org.antlr.v4.runtime.atn.ATNConfigSet;
import org.antlr.v4.runtime.atn.PredictionMode;
import org.antlr.v4.runtime.dfa.DFA;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

final class ParserTest {
  private static ParseResult parse(String text) {
    return dev.attune.dsl.syntax.Parser.parse(new Source("t.attn", text));
  }

  private static List<Code> codes(String text) {
    return parse(text).diagnostics().stream().map(Diagnostic::code).toList();
  }

  private static Expression score(String expression) {
    ParseResult result = parse("attention a { score = " + expression + " }");
    assertEquals(List.of(), result.diagnostics());
    Item.Attention a = (Item.Attention) result.module().items().getFirst();
    return ((Member.Clause) a.members().getFirst()).value();
  }

  static List<Source> specs() {
    return Specs.all();
  }

  @ParameterizedTest
  @MethodSource("specs")
  void specsAreUnambiguousAndNeedNoFullContext(Source spec) {
    AttnLexer lexer = new AttnLexer(CharStreams.fromString(spec.text()));
    lexer.dividesAt = i -> FloorDivision.at(spec.text(), i);
    AttnParser parser = new AttnParser(new CommonTokenStream(lexer));
    parser.removeErrorListeners();
    parser.getInterpreter().setPredictionMode(PredictionMode.LL_EXACT_AMBIG_DETECTION);
    parser.addErrorListener(new Picky());
    parser.module();
    assertEquals(0, parser.getNumberOfSyntaxErrors());
    assertTrue(dev.attune.dsl.syntax.Parser.parse(spec).ok());
  }

  /** Fails on anything the parser is not sure of. */
  private static final class Picky extends BaseErrorListener {
    @Override
    public void syntaxError(
        Recognizer<?, ?> recognizer,
        Object symbol,
        int line,
        int column,
        String message,
        RecognitionException e) {
      throw new AssertionError(line + ":" + column + ": " + message);
    }

    @Override
    public void reportAmbiguity(
        Parser parser,
        DFA dfa,
        int start,
        int stop,
        boolean exact,
        BitSet alternatives,
        ATNConfigSet configs) {
      throw new AssertionError("ambiguous: " + parser.getCurrentToken());
    }

    @Override
    public void reportAttemptingFullContext(
        Parser parser, DFA dfa, int start, int stop, BitSet alternatives, ATNConfigSet configs) {
      throw new AssertionError("full context: " + parser.getCurrentToken());
    }
  }

  @Test
  void precedenceIsPythons() {
    Expression.Infix or = assertInstanceOf(Expression.Infix.class, score("a or not b and c < d"));
    assertEquals("or", or.operator());
    Expression.Infix and = assertInstanceOf(Expression.Infix.class, or.right());
    assertInstanceOf(Expression.Prefix.class, and.left());
    assertInstanceOf(Expression.Comparison.class, and.right());
    Expression.Infix minus = assertInstanceOf(Expression.Infix.class, score("a - b * -c - d"));
    assertEquals("a - b * -c", minus.left().span().text());
    Expression.Infix bits = assertInstanceOf(Expression.Infix.class, score("a & b << 1 | c ^ d"));
    assertEquals("|", bits.operator());
    Expression.Comparison chain =
        assertInstanceOf(Expression.Comparison.class, score("lo <= kv < hi & 3"));
    assertEquals(List.of("<=", "<"), chain.operators());
    assertEquals("hi & 3", chain.operands().get(2).span().text());
  }

  @Test
  void slashesDivideBetweenOperandsOnly() {
    assertEquals("//", ((Expression.Infix) score("q // 64")).operator());
    assertEquals("//", ((Expression.Infix) score("q//n")).operator());
    assertEquals("//", ((Expression.Infix) score("(q) // (n)")).operator());
    assertInstanceOf(Expression.NameUse.class, score("q // one more word\n"));
    assertInstanceOf(Expression.NameUse.class, score("q   // 64 keys\n"));
    assertInstanceOf(Expression.Index.class, score("sinks[h]  // adds exp(sink)\n"));
    assertEquals("//", ((Expression.Infix) score("q // n at (q = 3)")).operator());
    assertInstanceOf(Expression.NameUse.class, score("q // one at a time\n"));
    assertInstanceOf(Expression.NameUse.class, score("q // one, or two\n"));
    assertEquals(2, ((Expression.Call) score("min((q) // n, kv)")).arguments().size());
    assertEquals("+", ((Expression.Infix) score("q + // the first\n 1")).operator());
    assertEquals(
        List.of(Code.COMMENT_OR_DIVISION), codes("attention a { score = q  // 64 == 3\n }"));
  }

  @Test
  void numbersAndReductions() {
    assertEquals(255, ((Expression.IntLiteral) score("0xFF")).value());
    assertEquals(1_000_000, ((Expression.IntLiteral) score("1_000_000")).value());
    assertEquals(1.5e-3, ((Expression.FloatLiteral) score("1.5e-3")).value());
    Expression.Reduction sum =
        assertInstanceOf(Expression.Reduction.class, score("sum(i in 0..n + 1: t[i])"));
    assertEquals("n + 1", sum.high().span().text());
    assertEquals(List.of(Code.BAD_NUMBER), codes("const N = 99999999999999999999"));
    assertEquals(List.of(Code.BAD_NUMBER), codes("const N = 1e39"));
  }

  @Test
  void severalErrorsInOneRun() {
    ParseResult result =
        parse(
            """
            attention a {
              score = score * * 2
              param x int = 3
              mask = causal and q - kv < window
              let y = (3 +
              tensor t : double[Skv]
            }
            atention b { mask = causal }
            attention c { mask = true }
            """);
    assertEquals(
        List.of(2, 3, 6, 6, 8),
        result.diagnostics().stream().map(d -> d.primary().span().line()).toList());
    assertEquals(
        "did you mean 'attention'?", result.diagnostics().getLast().help().orElseThrow().text());
    assertInstanceOf(Item.Attention.class, result.module().items().getLast());
  }

  @Test
  void hostileInputIsRefusedQuickly() {
    record Hostile(String text, Code code) {}
    List<Hostile> inputs =
        List.of(
            new Hostile(
                "attention a { mask = " + "(".repeat(10_000) + "q" + ")".repeat(10_000) + "}",
                Code.NESTED_TOO_DEEPLY),
            new Hostile(
                "attention a { mask = " + "not ".repeat(9_000) + "q}", Code.NESTED_TOO_DEEPLY),
            new Hostile("attention a { mask = " + "-".repeat(9_000) + "q}", Code.NESTED_TOO_DEEPLY),
            new Hostile(
                "attention a { mask = " + "if q then q else ".repeat(3_000) + "q}",
                Code.NESTED_TOO_DEEPLY),
            new Hostile(
                "attention a { score = q" + " + q".repeat(15_000) + "}", Code.NESTED_TOO_DEEPLY),
            new Hostile("// x\n".repeat(200_000), Code.FILE_TOO_LARGE),
            new Hostile("attention a {}\0", Code.NOT_TEXT),
            new Hostile("attention a {} // \u202e", Code.HIDDEN_CHARACTER),
            new Hostile("let " + "x".repeat(65) + " = 1", Code.NAME_TOO_LONG),
            new Hostile("} ".repeat(30_000), Code.SYNTAX));
    parse("attention warm { mask = causal }");
    for (Hostile input : inputs) {
      List<Code> codes = assertTimeoutPreemptively(Duration.ofSeconds(5), () -> codes(input.text));
      assertTrue(codes.contains(input.code), input.code + " not in " + codes);
      assertTrue(codes.size() <= Limits.ERRORS + 1);
    }
    byte[] invalid = {'l', 'e', 't', (byte) 0xC3, (byte) 0x28};
    assertEquals(
        Code.NOT_TEXT,
        dev.attune.dsl.syntax.Parser.parse(Source.decode("t.attn", invalid))
            .diagnostics()
            .getFirst()
            .code());
  }

  @Test
  void nestingUpToTheLimitIsAllowed() {
    int levels = Limits.NESTING - 1;
    assertEquals(
        List.of(),
        codes("attention a { mask = " + "(".repeat(levels) + "q" + ")".repeat(levels) + "}"));
  }

  @Property(tries = 400)
  void mutatedSpecsNeverBreakTheParser(
      @ForAll long seed, @ForAll @IntRange(min = 1, max = 12) int edits) {
    Random random = new Random(seed);
    List<Source> specs = Specs.all();
    StringBuilder text = new StringBuilder(specs.get(random.nextInt(specs.size())).text());
    String[] pieces = {
      "(",
      ")",
      "{",
      "}",
      "[",
      "]",
      "and",
      "if",
      "then",
      "=",
      "score",
      "mask",
      "attention",
      "..",
      "//",
      "0x",
      "1e",
      "\t",
      "\r\n",
      "é",
      "漢",
      "😀",
      "\u0000",
      "sum(",
      "def",
      "-",
      "not ",
      ":",
      ","
    };
    for (int i = 0; i < edits; i++) {
      int at = random.nextInt(text.length() + 1);
      switch (random.nextInt(3)) {
        case 0 -> text.insert(at, pieces[random.nextInt(pieces.length)]);
        case 1 -> text.delete(at, Math.min(text.length(), at + random.nextInt(20)));
        default ->
            text.insert(at, text.substring(at, Math.min(text.length(), at + random.nextInt(40))));
      }
    }
    rendersCleanly(parse(text.toString()));
  }

  @Property(tries = 300)
  void anyBytesGiveDiagnostics(@ForAll byte[] bytes) {
    rendersCleanly(dev.attune.dsl.syntax.Parser.parse(Source.decode("t.attn", bytes)));
    rendersCleanly(parse(new String(bytes, StandardCharsets.ISO_8859_1)));
  }

  /** Every rendering works, and none shows a phrase of the parser generator. */
  private static void rendersCleanly(ParseResult result) {
    for (Diagnostic d : result.diagnostics()) {
      String all = Rendering.terminal(d, true) + Rendering.terminal(d, false) + Rendering.line(d);
      assertFalse(
          Stream.of(
                  "no viable",
                  "mismatched",
                  "extraneous",
                  "T__",
                  "missing '",
                  "<EOF>",
                  "token recognition")
              .anyMatch(phrase -> d.message().contains(phrase)),
          all);
      assertFalse(d.message().isBlank());
    }
    assertFalse(Rendering.json(result.diagnostics()).isEmpty());
  }
}
