package dev.attune.compiler.pass;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.attune.compiler.random.Case;
import dev.attune.compiler.random.Exactness;
import dev.attune.compiler.reference.Inputs.Distribution;
import dev.attune.compiler.schedule.Schedule;
import dev.attune.compiler.schedule.Schedule.Hopper.Output;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Clause;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.compiler.spec.Operand;
import dev.attune.compiler.spec.Shape;
import dev.attune.compiler.tile.Lowering;
import dev.attune.compiler.tile.Op;
import dev.attune.compiler.tile.Op.Phase;
import dev.attune.compiler.tile.TileKernel;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What each pass of the Hopper pipeline does and when it does nothing. */
final class HopperPassesTest {

  private static Schedule.Hopper hopper(
      boolean inRegisters, Output output, boolean rescaleFirst, boolean skipEmpty) {
    return new Schedule.Hopper(
        32, 2, 2, inRegisters, output, rescaleFirst, skipEmpty, false, 8, "test");
  }

  private static List<Phase> phases(TileKernel kernel, String role) {
    return Compiled.role(kernel, role).stream()
        .filter(op -> op instanceof Op.For)
        .map(op -> ((Op.For) op).phase())
        .toList();
  }

  private static int first(List<Op> ops, Predicate<Op> wanted) {
    return ops.indexOf(ops.stream().filter(wanted).findFirst().orElseThrow());
  }

  private static Predicate<Op> release(Operand operand) {
    return op -> op instanceof Op.Release r && r.channel().operand() == operand;
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "mask = causal               | BF16 | false",
        "score = softcap(score, 55)  | BF16 | true",
        "score = softcap(score, 56)  | BF16 | false",
        "score = fast_softcap(score, 55)         | BF16 | true",
        "score = fast_softcap(score, 56)         | BF16 | false",
        "score = softcap(score, 55)  | F16  | false",
        "score = softcap(score, 5)   | F16  | true",
        "score = softcap(score, 5) + 60          | BF16 | false",
        "score = 5 * sin(score); sink = 1        | BF16 | true",
        "score = 5 * sin(score); sink = 1000     | BF16 | true",
        "score = 5 * sin(score); sink = -1000    | BF16 | false",
        "score = 5 * sin(score); output lse, max_score | BF16 | false",
        "param cap : float = 30 where cap > 0; score = softcap(score, cap) | BF16 | false",
        "param cap : float = 30 where cap > 0 and cap <= 50; score = softcap(score, cap) | BF16 |"
            + " true"
      })
  void boundedScoresNeedNoMaximum(String clauses, Dtype dtype, boolean bounded) {
    TileKernel kernel =
        Compiled.hopper(
            Compiled.spec("test", clauses.replace("; ", "\n")),
            dtype,
            new HeadDim(16, 16),
            Compiled.PLAIN);
    // Only that of the first tile.
    assertEquals(bounded, Compiled.all(kernel, Op.RowMax.class).size() == 1);
    assertEquals(bounded, Compiled.all(kernel, Op.Rescale.class).isEmpty());
    Op.Fill first = Compiled.all(kernel, Op.Fill.class).getFirst();
    assertEquals(bounded ? BoundedScore.least(dtype) : Double.NEGATIVE_INFINITY, first.value());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "score * scale                       | none                            | scale * L",
        "score * (scale * 2.0)               | none                            | scale * 2.0 * L",
        "softcap(score * scale, 5)           | tanh(score * (scale / 5.0))     | 7.213475204444817",
        "softcap(score * scale, cap)         | tanh(score * (scale / cap))     | cap * L",
        "fast_softcap(score * scale, cap)    | fast_tanh(score * (scale / cap)) | cap * L",
        "free * tanh(score / free) * cap     | tanh(score * (1.0 / free)) * free | cap * L",
        "score * scale + q                   | score + float(q) * (1.0 / scale) | scale * L",
        "cap * (score * scale + q) / 2.0     | score + float(q) * (1.0 / scale) | cap * scale * 0.5"
            + " * L"
      })
  void positiveFactorsOfTheScoreGoIntoExp2(String score, String map, String factor) {
    List<String> declared =
        List.of("param cap : float = 30 where cap > 0", "param free : float = 2");
    String clauses =
        declared.stream()
            .filter(p -> score.contains(p.substring(6, 9)))
            .collect(Collectors.joining("\n", "", "\nscore = " + score));
    TileKernel kernel = Compiled.hopper(clauses, Compiled.PLAIN);
    String mapped =
        Compiled.all(kernel, Op.Map.class).stream()
            .findFirst()
            .map(m -> Exprs.print(m.expr().expr()))
            .orElse("none");
    assertEquals(map, mapped);
    String exp2 = Exprs.print(Compiled.all(kernel, Op.Exp2.class).getFirst().factor());
    assertEquals(factor, exp2.replace(Double.toString(Lowering.LOG2E), "L"));
  }

  /** A tanh branches, which nothing may do while a product is in flight; a fast one does not. */
  @ParameterizedTest
  @CsvSource({"tanh, false", "fast_tanh, true"})
  void aFastTanhIsTakenWhileTheSecondProductRuns(String tanh, boolean early) {
    for (String cap : List.of("5", "500")) {
      TileKernel kernel =
          Compiled.hopper("score = %s * %s(score / %s)".formatted(cap, tanh, cap), Compiled.PLAIN);
      List<Op> loop = Compiled.all(kernel, Op.For.class).getLast().body();
      int map = first(loop, op -> op instanceof Op.Map || op instanceof Op.Weigh);
      assertEquals(early, map < loop.indexOf(new Op.Await(0)));
      assertEquals(early, loop.contains(new Op.Await(1)));
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "kv <= q                              | 0 .. q",
        "kv <= q + (Skv - Sq)                 | 0 .. q + Skv - Sq",
        "sliding_window(9)                    | q - 8 .. q",
        "window(4, 5)                         | q - 4 .. q + 5",
        "abs(q - kv) <= 3                     | q - 3 .. q + 3",
        "2 * kv <= q                          | 0 .. q // 2",
        "chunk(16)                            | q // 16 * 16 .. q // 16 * 16 + 15",
        "kv < 7 or kv <= q                    | 0 .. max(q, 6)",
        "kv <= q and q >= 5                   | 0 .. if q >= 5 then q else -1",
        "true                                 | 0 .. Skv - 1"
      })
  void aRangeOfKeysBecomesLimits(String mask, String limits) {
    TileKernel kernel = Compiled.hopper("mask = " + mask, Compiled.PLAIN);
    assertTrue(Compiled.all(kernel, Op.Mask.class).isEmpty());
    Op.Limit limit = Compiled.all(kernel, Op.Limit.class).getFirst();
    assertEquals(limits, text(limit.first(), "0") + " .. " + text(limit.last(), "Skv - 1"));
  }

  private static String text(Optional<Clause> limit, String otherwise) {
    return limit.map(c -> Exprs.print(c.expr())).orElse(otherwise);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "kv != q",
        "kv < 3 or kv > q",
        "abs(q - kv) % 2 == 0",
        "kv <= q and kv % 3 != 1",
        "kv * kv <= q"
      })
  void otherMasksStay(String mask) {
    TileKernel kernel = Compiled.hopper("mask = " + mask, Compiled.PLAIN);
    assertTrue(Compiled.all(kernel, Op.Limit.class).isEmpty());
    assertTrue(!Compiled.all(kernel, Op.Mask.class).isEmpty());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "true                | BULK",
        "kv >= q             | BULK MASKED",
        "kv <= q             | MASKED BULK",
        "sliding_window(9)   | MASKED BULK MASKED",
        "(q + kv) % 3 == 0   | MASKED BULK"
      })
  void theTileThatSkvCutsIsTheFirst(String mask, String expected) {
    TileKernel kernel = Compiled.hopper("mask = " + mask, Compiled.PLAIN);
    List<Phase> loops = List.of(expected.split(" ")).stream().map(Phase::valueOf).toList();
    assertEquals(loops, phases(kernel, "consumer"));
    assertEquals(1, phases(kernel, "producer").size());
  }

  @Test
  void rescalingComesRightAfterOrWithTheNextScores() {
    for (boolean rescaleFirst : List.of(false, true)) {
      TileKernel kernel = Compiled.hopper("", hopper(false, Output.OWN, rescaleFirst, false));
      List<Op> loop = Compiled.all(kernel, Op.For.class).getLast().body();
      int scale = first(loop, op -> op instanceof Op.ScaleRows);
      int product =
          loop.indexOf(loop.stream().filter(op -> op instanceof Op.Issue).toList().getLast());
      assertEquals(rescaleFirst, scale < product);
      List<Op> item = Compiled.role(kernel, "consumer");
      assertEquals(rescaleFirst, item.stream().anyMatch(op -> op instanceof Op.ScaleRows));
    }
  }

  @Test
  void tilesAreReleasedWhenTheProductsThatReadThemAreComplete() {
    TileKernel kernel = Compiled.hopper("", Compiled.PLAIN);
    List<Op> loop = Compiled.all(kernel, Op.For.class).getLast().body();
    assertEquals(new Op.Await(1), loop.get(first(loop, release(Operand.K)) - 1));
    assertEquals(new Op.Await(0), loop.get(first(loop, release(Operand.V)) - 1));
  }

  @Test
  void theQueryIsReleasedWhenItIsReadNoMore() {
    List<Op> shared =
        Compiled.role(Compiled.hopper("", hopper(false, Output.OWN, false, false)), "consumer");
    int last =
        shared.indexOf(shared.stream().filter(op -> op instanceof Op.For).toList().getLast());
    assertEquals(last + 1, first(shared, release(Operand.Q)));

    List<Op> copied =
        Compiled.role(Compiled.hopper("", hopper(true, Output.OWN, false, false)), "consumer");
    int copy = first(copied, op -> op instanceof Op.Copy);
    assertEquals(copy + 1, first(copied, release(Operand.Q)));

    List<Op> staged =
        Compiled.role(Compiled.hopper("", hopper(false, Output.QUERY, false, false)), "consumer");
    int store = first(staged, op -> op instanceof Op.Store);
    assertEquals(Op.Staging.QUERY, ((Op.Store) staged.get(store)).staging());
    assertEquals(store + 1, first(staged, release(Operand.Q)));
  }

  @Test
  void theNextItemIsClaimedBeforeTheLastPut() {
    List<Op> producer = Compiled.role(Compiled.hopper("mask = causal", Compiled.PLAIN), "producer");
    assertInstanceOf(Op.Claim.class, producer.get(producer.size() - 2));
    assertEquals(Operand.V, assertInstanceOf(Op.Put.class, producer.getLast()).channel().operand());
  }

  @ParameterizedTest
  @CsvSource({"true, 0", "kv <= q, 33554432", "kv >= q, 0", "sliding_window(9), 33554432"})
  void sectionsHoldHeadsWhereLaterRowsSeeMore(String mask, long bytes) {
    TileKernel kernel = Compiled.hopper("mask = " + mask, Compiled.PLAIN);
    assertEquals(
        new Op.Items.Claimed(bytes), Compiled.all(kernel, Op.ForItems.class).getFirst().items());
  }

  /** 128 rows as 2 x 64, and 128 keys as 4 tiles: the upper half of the rows sees all of them. */
  @Test
  void aConsumerPassesOverTilesOfOthers() {
    AttentionSpec spec = Compiled.spec("test", "mask = causal");
    HeadDim dim = new HeadDim(8, 8);
    Case problem =
        new Case(
            spec,
            Dtype.BF16,
            new Shape(1, 1, 1, 128, 128, dim),
            1,
            Map.of(),
            Distribution.NORMAL,
            1);
    Exactness reference = new Exactness(problem);
    Map<Phase, Long> all =
        reference.check(
            "all", Compiled.hopper(spec, Dtype.BF16, dim, hopper(false, Output.OWN, false, false)));
    Map<Phase, Long> own =
        reference.check(
            "own", Compiled.hopper(spec, Dtype.BF16, dim, hopper(false, Output.OWN, false, true)));
    // The first tile of each consumer is outside the loops.
    assertEquals(List.of(0L, 6L, 0L), counts(all));
    assertEquals(List.of(2L, 2L, 2L), counts(own));
  }

  private static List<Long> counts(Map<Phase, Long> tiles) {
    return Stream.of(Phase.EMPTY, Phase.MASKED, Phase.BULK)
        .map(phase -> tiles.getOrDefault(phase, 0L))
        .toList();
  }
}
