package dev.attune.compiler.reference;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.attune.compiler.reference.Accuracy.Report;
import dev.attune.compiler.reference.FlashSimulation.Defect;
import dev.attune.compiler.reference.Inputs.Distribution;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.BinaryOp;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.compiler.spec.Shape;
import dev.attune.compiler.spec.UnaryOp;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class AccuracyTest {
  private static final Shape SHAPE = new Shape(1, 2, 1, 160, 160, new HeadDim(64, 64));

  private static Report judge(
      AttentionSpec spec, Dtype dtype, Shape shape, Distribution distribution, Defect defect) {
    Problem problem = Inputs.problem(spec, dtype, shape, distribution, 7);
    return Accuracy.check(problem, new FlashSimulation(defect, 64).run(problem));
  }

  @ParameterizedTest
  @EnumSource(Distribution.class)
  void acceptsACorrectKernel(Distribution distribution) {
    for (Dtype dtype : Dtype.values()) {
      for (AttentionSpec spec : Specs.all()) {
        Report report = judge(spec, dtype, SHAPE, distribution, Defect.NONE);
        assertTrue(report.passes(), () -> spec.name() + " " + dtype + "\n" + report.failures());
      }
    }
  }

  @Test
  void acceptsACorrectKernelOnSmallProblems() {
    for (long seed = 0; seed < 200; seed++) {
      int d = List.of(8, 16, 40, 64).get((int) (seed % 4));
      int sq = 1 + (int) (seed * 7 % 23);
      int skv = (int) (seed * 11 % 37);
      Shape shape = new Shape(1, 2, 1, sq, skv, new HeadDim(d, d));
      AttentionSpec spec = Specs.all().get((int) (seed % 6));
      Distribution distribution = List.of(Distribution.values()).get((int) (seed / 6 % 8));
      Dtype dtype = seed % 5 == 0 ? Dtype.F16 : Dtype.BF16;
      Problem problem = Inputs.problem(spec, dtype, shape, distribution, seed);
      Report report = Accuracy.check(problem, new FlashSimulation(Defect.NONE, 16).run(problem));
      String what = spec.name() + " " + dtype + " " + shape + " " + distribution;
      assertTrue(report.passes(), () -> what + "\n" + report.failures());
    }
  }

  /** Most scores are the same here, so most weights are, and are wrong by the same factor. */
  @Test
  void acceptsEqualWeightsThatRoundAlike() {
    Expr score = new Expr.Binary(BinaryOp.MIN, Specs.PLAIN, Exprs.of(-0.75));
    Expr bent =
        new Expr.Unary(
            UnaryOp.SQRT, new Expr.Unary(UnaryOp.ABS, score)); // The largest are the rare ones.
    AttentionSpec spec = Specs.of("alike", List.of(), bent, Exprs.of(true), Specs.SOFTMAX);
    for (long seed = 0; seed < 100; seed++) {
      Shape shape = new Shape(1, 2, 1, 40, 16, new HeadDim(64, 64));
      Problem problem = Inputs.problem(spec, Dtype.F16, shape, Distribution.SHIFTED, seed);
      Report report = Accuracy.check(problem, new FlashSimulation(Defect.NONE, 16).run(problem));
      assertTrue(report.passes(), report::failures);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "SCALE, lse_err",
    "KEY_TOO_MANY, lse_err",
    "KEY_MISSING, lse_err",
    "KEY_MISSING, row_ratio",
    "STALE_TILE, max_ratio",
    "STALE_TILE, rmse_ratio",
    "STALE_TILE, row_ratio",
    "STALE_TILE, element_ratio",
    "MISSED_RESCALE, row_ratio",
    "ELEMENT, element_ratio",
    "NAN, max_ratio",
    "NAN, element_ratio",
    "LSE_BASE, lse_err"
  })
  void rejectsADefect(Defect defect, String gate) {
    AttentionSpec spec = defect == Defect.MISSED_RESCALE ? Specs.full() : Specs.causal();
    Report clean = judge(spec, Dtype.BF16, SHAPE, Distribution.NORMAL, Defect.NONE);
    Report planted = judge(spec, Dtype.BF16, SHAPE, Distribution.NORMAL, defect);
    assertTrue(clean.passes(), clean::failures);
    assertTrue(
        planted.gates().stream().anyMatch(g -> g.name().equals(gate) && !g.passes()),
        planted.gates()::toString);
  }

  @Test
  void aRowWithoutKeysMustBeZeroAndItsLseMinusInfinity() {
    AttentionSpec spec = Specs.windowWithEmptyRows();
    Report planted = judge(spec, Dtype.BF16, SHAPE, Distribution.NORMAL, Defect.EMPTY_ROW);
    assertFalse(planted.passes());
    Problem problem = Inputs.problem(spec, Dtype.BF16, SHAPE, Distribution.NORMAL, 7);
    Result clean = new FlashSimulation(Defect.NONE, 64).run(problem);
    clean.lse().orElseThrow().floats()[1] = -1e30f;
    Report sentinel = Accuracy.check(problem, clean);
    assertEquals("lse_err Infinity (limit 5.000e-06) at b=0 h=0 q=1", sentinel.failures());
  }

  @Test
  void aProblemWhoseAnswerIsUndefinedDoesNotPass() {
    Problem problem = Inputs.problem(Specs.causal(), Dtype.BF16, SHAPE, Distribution.NORMAL, 7);
    problem.v().floats()[0] = Float.NaN;
    Report report = Accuracy.check(problem, new FlashSimulation(Defect.NONE, 64).run(problem));
    assertTrue(report.failures().contains("reference_undefined"));
  }

  @Test
  void aProblemBeyondTheDtypeDoesNotPass() {
    Problem problem = Inputs.problem(Specs.sigmoid(), Dtype.F16, SHAPE, Distribution.NORMAL, 7);
    Arrays.fill(problem.v().floats(), 65504);
    Report report = Accuracy.check(problem, new FlashSimulation(Defect.NONE, 64).run(problem));
    assertTrue(report.failures().contains("dtype_overflow"), report::failures);
  }

  @Test
  void aSampleOfRowsIsJudgedByItself() {
    Problem problem = Inputs.problem(Specs.causal(), Dtype.BF16, SHAPE, Distribution.NORMAL, 7);
    Result broken = new FlashSimulation(Defect.NAN, 64).run(problem);
    List<RowId> without =
        RowId.all(SHAPE).stream().filter(r -> r.q() != 4 && r.q() % 3 == 1).toList();
    Report report = Accuracy.check(problem, broken, without, Accuracy.Limits.TESTS);
    assertTrue(report.passes(), report::failures);
    assertEquals(without.size(), report.rows());
    Report one =
        Accuracy.check(problem, broken, List.of(new RowId(0, 0, 4)), Accuracy.Limits.TESTS);
    assertFalse(one.passes());
    assertTrue(Double.isNaN(one.maxErr()));
  }
}
