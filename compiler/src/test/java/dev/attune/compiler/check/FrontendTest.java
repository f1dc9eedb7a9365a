package dev.attune.compiler.check;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.BinaryOp;
import dev.attune.compiler.spec.Bindings;
import dev.attune.compiler.spec.CompareOp;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.Eval;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Expr.At;
import dev.attune.compiler.spec.Expr.Binary;
import dev.attune.compiler.spec.Expr.Compare;
import dev.attune.compiler.spec.Expr.FloatConst;
import dev.attune.compiler.spec.Expr.IntConst;
import dev.attune.compiler.spec.Expr.Param;
import dev.attune.compiler.spec.Expr.Scale;
import dev.attune.compiler.spec.Expr.Score;
import dev.attune.compiler.spec.Expr.Size;
import dev.attune.compiler.spec.Expr.Unary;
import dev.attune.compiler.spec.Extent;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.compiler.spec.NdArray;
import dev.attune.compiler.spec.Normalization;
import dev.attune.compiler.spec.Origin;
import dev.attune.compiler.spec.Output;
import dev.attune.compiler.spec.ParamDecl;
import dev.attune.compiler.spec.Position;
import dev.attune.compiler.spec.ScalarType;
import dev.attune.compiler.spec.Shape;
import dev.attune.compiler.spec.TensorDecl;
import dev.attune.compiler.spec.UnaryOp;
import dev.attune.dsl.diagnostic.Code;
import dev.attune.dsl.diagnostic.Diagnostic;
import dev.attune.dsl.diagnostic.Rendering;
import dev.attune.dsl.diagnostic.Source;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

final class FrontendTest {
  private static final Path SPECS = Path.of("../specs/src/main/attn");

  private static Checked check(String text) {
    return Frontend.load(new Source("t.attn", text), ImportResolver.none());
  }

  private static AttentionSpec spec(String text) {
    Checked checked = check(text);
    assertEquals(List.of(), checked.diagnostics().stream().map(Rendering::line).toList(), text);
    return checked.specs().getFirst();
  }

  private static Expr mask(String mask) {
    return spec("attention a { mask = " + mask + " }").mask().expr();
  }

  private static Expr score(String score) {
    return spec("attention a { score = score * scale + (" + score + ") }").score().expr()
            instanceof Binary(BinaryOp op, Expr product, Expr added)
        ? added
        : new FloatConst(Double.NaN);
  }

  private static Binary and(Expr a, Expr b) {
    return new Binary(BinaryOp.AND, a, b);
  }

  private static final Expr Q = new At(Position.Q);
  private static final Expr KV = new At(Position.KV);

  @Test
  void atMovesPositionsAndLengths() {
    assertEquals(mask("q - 3 <= 2 * kv"), mask("(kv <= q) at (kv = q - 3, q = 2 * kv)"));
    assertEquals(
        mask("kv - 5 <= 2 * q + (8 - 7)"),
        mask("causal_bottom_right at (q = 2 * q, kv = kv - 5, Sq = 7, Skv = 8)"));
    assertEquals(mask("kv <= q + 1 + 5"), mask("(kv <= q at (q = q + 5)) at (q = q + 1)"));
    assertEquals(mask("kv <= q + 1 + 5"), mask("(kv <= q) at (q = q + 5) at (q = q + 1)"));
    assertEquals(mask("q // 4 == kv // 4 and kv % 4 < q % 4"), mask("batchify(kv < q, 4)"));
  }

  /** What is put in contains the very reduction that it is put into. */
  @Test
  void movedReductionsKeepTheirVariables() {
    AttentionSpec spec =
        spec(
            """
            def twice(x: int): int = x at (q = x)
            attention a {
              tensor t : int[Sq]
              mask = twice(sum(i in 0..3: t[q + i])) == kv
            }
            """);
    NdArray t = new NdArray(new int[] {8}, new int[] {0, 2, 1, 1, 5, 7, 2, 3});
    Bindings bindings =
        new Bindings(new Shape(1, 1, 1, 8, 16, new HeadDim(8, 8)), 1, Map.of(), Map.of("t", t));
    // At q = 0 the sum is 3, and at q = 3 it is 13.
    Eval eval = new Eval(bindings);
    assertArrayEquals(
        new int[] {13},
        IntStream.range(0, 16)
            .filter(kv -> eval.at(0, 0, 0, kv).bool(spec.mask().expr()))
            .toArray());
  }

  @Test
  void gemma2LocalMeansWhatItsFormulaSays() throws IOException {
    Path file = SPECS.resolve("gemma2_local.attn");
    AttentionSpec spec =
        Frontend.load(Source.decode("g.attn", Files.readAllBytes(file)), ImportResolver.none())
            .specs()
            .getFirst();
    assertEquals("gemma2_local", spec.name());
    assertEquals(new Origin("g.attn", 9), spec.origin());
    assertEquals(
        List.of(new ParamDecl.Range(1, ParamDecl.INT_LIMIT)),
        spec.param("window").stream().map(ParamDecl::range).toList());
    assertEquals(new FloatConst(50), spec.param("cap").orElseThrow().defaultValue());
    assertEquals(Double.MIN_VALUE, spec.param("cap").orElseThrow().range().low());
    Expr cap = new Param("cap", ScalarType.FLOAT);
    Expr scaled = new Binary(BinaryOp.MUL, new Score(), new Scale());
    assertEquals(
        new Binary(
            BinaryOp.MUL, cap, new Unary(UnaryOp.TANH, new Binary(BinaryOp.DIV, scaled, cap))),
        spec.score().expr());
    assertEquals(
        and(
            new Compare(CompareOp.LE, KV, Q),
            new Compare(
                CompareOp.LT,
                new Binary(BinaryOp.SUB, Q, KV),
                new Param("window", ScalarType.INT))),
        spec.mask().expr());
    assertEquals(14, spec.mask().origin().line());
    assertEquals(Set.of(Output.LSE), spec.outputs());
  }

  @Test
  void whatIsNotSaidHasItsDefault() {
    AttentionSpec spec = spec("attention full { }");
    assertEquals(new Binary(BinaryOp.MUL, new Score(), new Scale()), spec.score().expr());
    assertEquals(new Expr.BoolConst(true), spec.mask().expr());
    assertEquals(new Normalization.Softmax(Optional.empty()), spec.normalization());
    assertEquals(0, spec.mask().origin().line());
  }

  @Test
  void settingsAreRead() {
    AttentionSpec spec =
        spec(
            """
            const D = 64
            attention a {
              output max_score
              dtype bf16
              head_dim 192, 2 * D
              instances { bf16 D; f16 192, 128 }
            }
            """);
    assertEquals(Set.of(Output.LSE, Output.MAX_SCORE), spec.outputs());
    assertEquals(Optional.of(Dtype.BF16), spec.dtype());
    assertEquals(Optional.of(new HeadDim(192, 128)), spec.headDim());
    assertEquals(
        List.of(
            new AttentionSpec.Instance(Dtype.BF16, new HeadDim(64, 64)),
            new AttentionSpec.Instance(Dtype.F16, new HeadDim(192, 128))),
        spec.instances());
  }

  @Test
  void tensorsKeepTheirFacts() {
    AttentionSpec spec =
        spec(
            """
            attention a {
              param n : int = 2 where n >= 1
              tensor t : int[B, Skv + n] where nondecreasing and in -1..7
              tensor s : float[4] differentiable
              score = score * scale + s[q % 4]
              mask = t[b, kv] == t[b, q]
            }
            """);
    TensorDecl t = spec.tensor("t").orElseThrow();
    assertTrue(t.nondecreasing());
    assertEquals(Optional.of(new ParamDecl.Range(-1, 7)), t.range());
    assertEquals(
        List.of(
            new Size(Extent.B),
            new Binary(BinaryOp.ADD, new Size(Extent.SKV), new Param("n", ScalarType.INT))),
        t.shape());
    assertTrue(spec.tensor("s").orElseThrow().differentiable());
  }

  @ParameterizedTest
  @CsvSource({
    "p > 3, 4, 1073741824",
    "p >= 3 and p < 10, 3, 9",
    "3 <= p <= 10, 3, 10",
    "p == 5, 5, 5",
    "p > 2.5, 3, 1073741824",
    "p < 3 or 5 < p < 9, -1073741824, 8",
    "p % 2 == 1, -1073741824, 1073741824"
  })
  void conditionsBecomeRanges(String condition, double low, double high) {
    String p = condition.contains("p < 3") ? "1" : "5";
    AttentionSpec spec =
        spec("attention a { param p : int = %s where %s mask = kv < p }".formatted(p, condition));
    assertEquals(new ParamDecl.Range(low, high), spec.params().getFirst().range());
  }

  @Test
  void constantsAreComputed() {
    assertEquals(new FloatConst(0.25), score("1 / 4"));
    assertEquals(new FloatConst(7), score("float(3 + 4)"));
    assertEquals(new FloatConst(2.5), score("2 + 0.5"));
    assertEquals(new Compare(CompareOp.LT, KV, new IntConst(-4)), maskCompare("kv - q < -7 // 2"));
  }

  private static Expr maskCompare(String text) {
    Compare c = (Compare) mask(text);
    return new Compare(c.op(), KV, c.b());
  }

  @Test
  void chainsShareTheirMiddle() {
    assertEquals(
        and(
            new Compare(CompareOp.LE, new Binary(BinaryOp.SUB, Q, new IntConst(4)), KV),
            new Compare(CompareOp.LT, KV, Q)),
        mask("q - 4 <= kv < q"));
  }

  @Test
  void intsBecomeFloatsOnlyWhereNeeded() {
    assertEquals(new Unary(UnaryOp.TO_FLOAT, new Binary(BinaryOp.SUB, KV, Q)), score("kv - q"));
    assertEquals(
        new Binary(BinaryOp.DIV, new Unary(UnaryOp.TO_FLOAT, KV), new Unary(UnaryOp.TO_FLOAT, Q)),
        score("kv / q"));
  }

  @Test
  void standardMasksSelectTheKeysTheyPromise() {
    assertEquals(List.of(0, 1, 2), keys("causal", 2, 5, 5));
    assertEquals(List.of(0, 1, 2, 3), keys("causal_bottom_right", 2, 5, 6));
    assertEquals(List.of(1, 2, 3, 4), keys("window(1, 2)", 2, 6, 6));
    assertEquals(List.of(2, 3, 4, 5), keys("window_bottom_right(1, 2)", 2, 6, 7));
    assertEquals(List.of(1, 2), keys("sliding_window(2)", 2, 5, 5));
    assertEquals(List.of(0, 1, 2, 3), keys("prefix(4)", 2, 6, 6));
    assertEquals(List.of(3, 4, 5), keys("chunk(3)", 4, 7, 7));
    assertEquals(List.of(0, 2, 4), keys("dilated(2)", 2, 6, 6));
    assertEquals(List.of(2, 3), keys("document(q // 2, kv // 2)", 2, 6, 6));
  }

  private static List<Integer> keys(String mask, int q, int seq, int kvSeq) {
    Expr expr = mask(mask);
    Shape shape = new Shape(1, 1, 1, seq, kvSeq, new HeadDim(8, 8));
    Eval eval = new Eval(new Bindings(shape, 1, Map.of(), Map.of()));
    return Stream.iterate(0, k -> k < kvSeq, k -> k + 1)
        .filter(k -> eval.at(0, 0, q, k).bool(expr))
        .toList();
  }

  @ParameterizedTest
  @CsvSource({
    "sigmoid(0.5), 0.6224593312018546",
    "relu(-2), 0",
    "relu(2), 2",
    "silu(1), 0.7310585786300049",
    "gelu(1), 0.8413447460685429",
    "softplus(1), 1.3132616875182228",
    "'softcap(100, 5)', 5",
    "'fast_softcap(100, 5)', 5",
    "'fast_tanh(0.5)', 0.46211715726",
    "'alibi_slope(1, 8)', 0.25",
    "'clamp(7, 1, 4)', 4",
    "'pow(2, 10)', 1024",
    "'sum(i in 1..5: i * i)', 30"
  })
  void standardFunctionsHaveTheirValues(String call, double expected) {
    Eval eval =
        new Eval(new Bindings(new Shape(1, 1, 1, 1, 1, new HeadDim(8, 8)), 1, Map.of(), Map.of()));
    assertEquals(expected, eval.real(score("0.0 + " + call)), 1e-9);
  }

  @Test
  void importsReadFilesBesideTheImporting() {
    Map<String, String> files =
        Map.of(
            "masks.attn", "import units\nlet near = q - kv < BLOCK\n",
            "units.attn", "const BLOCK = 32\n");
    ImportResolver resolver =
        (from, name) ->
            Optional.ofNullable(files.get(name + ".attn")).map(t -> new Source(name + ".attn", t));
    Checked checked =
        Frontend.load(
            new Source(
                "m.attn", "import masks\nimport units\nattention a { mask = causal and near }"),
            resolver);
    assertEquals(List.of(), checked.diagnostics());
    assertEquals(1, checked.specs().size());
  }

  @Test
  void circularImportsAreRefused() {
    ImportResolver resolver =
        (from, name) ->
            Optional.of(new Source(name + ".attn", name.equals("a") ? "import b\n" : "import a\n"));
    Checked checked = Frontend.load(new Source("m.attn", "import a\n"), resolver);
    assertEquals(
        List.of(Code.IMPORT_CYCLE),
        checked.diagnostics().stream().map(Diagnostic::code).distinct().toList());
  }

  @Test
  void definitionsThatMultiplyAreStopped() {
    StringBuilder text = new StringBuilder("let a0 = q\ndef f0(x: int): int = 0\n");
    for (int i = 1; i < 60; i++) {
      text.append("let a%d = a%d + a%d\n".formatted(i, i - 1, i - 1));
      text.append("def f%d(x: int): int = f0(f%d(x)) + f0(f%d(x))\n".formatted(i, i - 1, i - 1));
    }
    text.append("attention a { mask = kv < a59 + f59(q) }");
    Checked checked =
        assertTimeoutPreemptively(Duration.ofSeconds(10), () -> check(text.toString()));
    assertTrue(
        checked.diagnostics().stream().allMatch(d -> d.code() == Code.TOO_COMPLEX),
        checked.diagnostics()::toString);
    assertTrue(checked.specs().isEmpty());
  }

  @Test
  void errorsInDefinitionsAreReportedOnceWhereTheyAre() {
    Checked checked =
        check(
            """
            let bad = q + true
            attention a { mask = bad > 1 or bad < 0 }
            attention b { mask = bad == 2 }\
            """);
    assertEquals(1, checked.diagnostics().size());
    assertEquals(1, checked.diagnostics().getFirst().primary().span().line());
  }

  @Test
  void aUseOutOfPlacePointsAtTheUse() {
    Checked checked = check("let hot = score > 0\nattention a { mask = hot }");
    Diagnostic d = checked.diagnostics().getFirst();
    assertEquals(Code.OUT_OF_PLACE, d.code());
    assertEquals(2, d.primary().span().line());
    assertEquals(1, d.secondary().getFirst().span().line());
  }

  @Test
  void theStandardLibraryIsReadable() {
    assertTrue(StandardLibrary.source().text().contains("let causal = kv <= q"));
    assertInstanceOf(Binding.Let.class, StandardLibrary.scope().value("causal").orElseThrow());
    Problems problems = new Problems();
    Elaborator elaborator = new Elaborator(problems, new Ranges());
    new Declarations(problems, elaborator).check(StandardLibrary.scope());
    assertEquals(List.of(), problems.all());
  }

  static List<Path> specs() throws IOException {
    try (Stream<Path> files = Files.list(SPECS)) {
      return files.sorted().toList();
    }
  }

  @ParameterizedTest
  @MethodSource("specs")
  void librarySpecsAreClean(Path file) throws IOException {
    AttentionSpec spec = spec(Files.readString(file));
    assertEquals(file.getFileName().toString(), spec.name() + ".attn");
  }

  @Property(tries = 400)
  void mutatedSpecsNeverBreakTheChecker(
      @ForAll long seed, @ForAll @IntRange(min = 1, max = 6) int edits) throws IOException {
    Random random = new Random(seed);
    List<Path> files = specs();
    StringBuilder text =
        new StringBuilder(Files.readString(files.get(random.nextInt(files.size()))));
    String[] words = {
      "q", "kv", "score", "scale", "causal", "window", "cap", "doc[q]", "h", "0", "1.5", "true",
      "Skv", " + ", " * ", " / ", " // ", " % ", " and ", " or ", " < ", " == ", " << ", "not ",
      "-", "softcap(", "abs(", "sum(i in 0..3: i)", "(", ")", ",", "int", "float", "where",
          "let x = "
    };
    for (int i = 0; i < edits; i++) {
      int at = random.nextInt(text.length() + 1);
      int start = at;
      while (start < text.length() && !Character.isLetterOrDigit(text.charAt(start))) {
        start++;
      }
      int end = start;
      while (end < text.length() && Character.isLetterOrDigit(text.charAt(end))) {
        end++;
      }
      text.replace(start, end, words[random.nextInt(words.length)]);
    }
    Checked checked = check(text.toString());
    assertTrue(checked.ok() || checked.specs().isEmpty());
    for (Diagnostic d : checked.diagnostics()) {
      assertNotNull(Rendering.terminal(d, true));
    }
    assertEquals(checked.specs(), check(text.toString()).specs());
  }
}
