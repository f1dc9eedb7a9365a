package dev.attune.compiler.reference;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.attune.compiler.random.Case;
import dev.attune.compiler.random.SpecGenerator;
import dev.attune.compiler.reference.Accuracy.Limits;
import dev.attune.compiler.reference.Accuracy.Report;
import dev.attune.compiler.reference.FlashSimulation.Defect;
import dev.attune.compiler.reference.Inputs.Distribution;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.BinaryOp;
import dev.attune.compiler.spec.Clause;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.compiler.spec.Shape;
import dev.attune.compiler.spec.UnaryOp;
import java.util.function.UnaryOperator;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The limits of a spec with a fast tanh against the largest error that PTX admits for it. */
class FastTanhTest {
  private static final double ERROR = 0x1p-11;
  private static final Shape SHAPE = new Shape(1, 2, 1, 160, 160, new HeadDim(64, 64));

  /** A softcap of the scaled score, causal. */
  private static AttentionSpec softcap(UnaryOp tanh, double cap) {
    AttentionSpec causal = Specs.causal();
    Expr inside = new Expr.Binary(BinaryOp.DIV, causal.score().expr(), Exprs.of(cap));
    Expr score = Exprs.mul(Exprs.of(cap), new Expr.Unary(tanh, inside));
    return withScore(causal, e -> score);
  }

  private static AttentionSpec withScore(AttentionSpec s, UnaryOperator<Expr> change) {
    return new AttentionSpec(
        s.name(),
        s.origin(),
        s.params(),
        s.tensors(),
        new Clause(change.apply(s.score().expr()), s.score().origin()),
        s.mask(),
        s.normalization(),
        s.outputs(),
        s.dtype(),
        s.headDim(),
        s.instances());
  }

  /** Each fast tanh with an error up to 2⁻¹¹ that changes its sign from score to score. */
  private static Expr approximate(Expr e) {
    Expr inner = Exprs.mapChildren(e, FastTanhTest::approximate);
    if (!(inner instanceof Expr.Unary(UnaryOp op, Expr x) && op == UnaryOp.FAST_TANH)) {
      return inner;
    }
    Expr wave = new Expr.Unary(UnaryOp.SIN, Exprs.mul(x, Exprs.of(1e4)));
    Expr error = Exprs.add(Exprs.of(1.0), Exprs.mul(Exprs.of(ERROR), wave));
    return Exprs.mul(new Expr.Unary(UnaryOp.TANH, x), error);
  }

  private static Problem on(Problem p, AttentionSpec spec) {
    return new Problem(spec, p.bindings(), p.dtype(), p.q(), p.k(), p.v());
  }

  private static Report judge(Problem problem, Defect defect, Limits limits) {
    Problem device = on(problem, withScore(problem.spec(), FastTanhTest::approximate));
    Result result = new FlashSimulation(defect, 64).run(device);
    return Accuracy.check(problem, result, RowId.all(problem.shape()), limits);
  }

  @ParameterizedTest
  @EnumSource(Distribution.class)
  void thePromiseHolds(Distribution distribution) {
    for (double cap : new double[] {5, 50}) {
      for (Dtype dtype : Dtype.values()) {
        Problem problem =
            Inputs.problem(softcap(UnaryOp.FAST_TANH, cap), dtype, SHAPE, distribution, 7);
        Report report = judge(problem, Defect.NONE, Limits.PROMISE);
        assertTrue(report.passes(), () -> dtype + " cap " + cap + "\n" + report.failures());
      }
    }
  }

  @Property(tries = 60)
  void ofAnySpec(@ForAll("cases") Case drawn) {
    Report report = judge(drawn.problem(), Defect.NONE, Limits.TESTS);
    assertTrue(report.passes(), () -> report.failures() + drawn);
  }

  @Provide
  Arbitrary<Case> cases() {
    return SpecGenerator.softmaxCases()
        .filter(c -> !Limits.TESTS.of(c.spec()).equals(Limits.TESTS));
  }

  /** What the wider limits are for: with those of other specs the same result does not pass. */
  @Test
  void otherSpecsPromiseMore() {
    AttentionSpec fast = softcap(UnaryOp.FAST_TANH, 50);
    AttentionSpec accurate = softcap(UnaryOp.TANH, 50);
    assertEquals(Limits.PROMISE, Limits.PROMISE.of(accurate));
    Problem p = Inputs.problem(fast, Dtype.BF16, SHAPE, Distribution.NORMAL, 7);
    Problem device = on(p, withScore(fast, FastTanhTest::approximate));
    Result result = new FlashSimulation(Defect.NONE, 64).run(device);
    Report strict = Accuracy.check(on(p, accurate), result, RowId.all(SHAPE), Limits.PROMISE);
    assertTrue(strict.failures().contains("lse_err"), strict::failures);
  }

  @ParameterizedTest
  @EnumSource(names = {"KEY_MISSING", "STALE_TILE", "ELEMENT", "NAN", "LSE_BASE"})
  void defectsStillShow(Defect defect) {
    Problem problem =
        Inputs.problem(softcap(UnaryOp.FAST_TANH, 20), Dtype.BF16, SHAPE, Distribution.NORMAL, 7);
    assertFalse(judge(problem, defect, Limits.TESTS).passes());
  }
}
