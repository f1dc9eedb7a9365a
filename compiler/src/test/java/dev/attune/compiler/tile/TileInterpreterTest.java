package dev.attune.compiler.tile;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.attune.compiler.random.Case;
import dev.attune.compiler.random.Exactness;
import dev.attune.compiler.reference.Accuracy;
import dev.attune.compiler.reference.Inputs.Distribution;
import dev.attune.compiler.reference.Problem;
import dev.attune.compiler.reference.Result;
import dev.attune.compiler.spec.Clause;
import dev.attune.compiler.spec.CompareOp;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.NdArray;
import dev.attune.compiler.spec.Shape;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class TileInterpreterTest {

  private static Case problem(int seq, int kvSeq, Distribution distribution, long seed) {
    return new Case(
        HandBuilt.spec(),
        Dtype.BF16,
        new Shape(2, 4, 2, seq, kvSeq, HandBuilt.DIM),
        0.25,
        Map.of(),
        distribution,
        seed);
  }

  private static Case problem(int seq, int kvSeq) {
    return problem(seq, kvSeq, Distribution.NORMAL, 1);
  }

  @ParameterizedTest
  @CsvSource({"0, 5", "5, 0", "1, 1", "1, 70", "70, 1", "32, 16", "33, 17", "31, 47", "96, 96"})
  void equalsTheReference(int seq, int kvSeq) {
    TileKernel kernel = TileVerifier.verify(HandBuilt.kernel());
    new Exactness(problem(seq, kvSeq)).check("by hand", kernel);
  }

  @ParameterizedTest
  @EnumSource(Distribution.class)
  void equalsTheReferenceOnHardInputs(Distribution distribution) {
    new Exactness(problem(50, 70, distribution, 2)).check("by hand", HandBuilt.kernel());
  }

  @ParameterizedTest
  @EnumSource(Dtype.class)
  void roundedResultsAreAsAccurateAsAKernels(Dtype dtype) {
    Case problem =
        new Case(
            HandBuilt.spec(),
            dtype,
            new Shape(1, 2, 1, 80, 80, HandBuilt.DIM),
            0.25,
            Map.of(),
            Distribution.NORMAL,
            3);
    TileKernel kernel = HandBuilt.kernel();
    kernel =
        new TileKernel(
            kernel.spec(),
            dtype,
            kernel.headDim(),
            kernel.rows(),
            kernel.cols(),
            kernel.packed(),
            kernel.batching(),
            kernel.qTile(),
            kernel.order(),
            kernel.tested(),
            kernel.body());
    Problem inputs = problem.problem();
    TileInterpreter.Result result = run(kernel, inputs, new TileInterpreter.Options(true, 1));
    NdArray o = new NdArray(new int[] {1, 80, 2, HandBuilt.DIM.v()}, floats(result.o()));
    NdArray lse = new NdArray(new int[] {1, 2, 80}, floats(result.lse().orElseThrow()));
    Accuracy.Report report = Accuracy.check(inputs, new Result(o, Optional.of(lse)));
    assertTrue(report.passes(), report::failures);
    assertTrue(report.maxErr() > 0, "nothing was rounded");
  }

  @Test
  void countsTheTilesOfEachPhase() {
    TileInterpreter.Result result =
        run(HandBuilt.kernel(), problem(96, 96).problem(), new TileInterpreter.Options(false, 1));
    // By hand, for rows of 32 and keys of 16: query tile i sees 2i full tiles and 2 on the edge.
    assertEquals(8L * (0 + 2 + 4), result.tiles().get(Op.Phase.BULK));
    assertEquals(8L * (2 + 2 + 2), result.tiles().get(Op.Phase.MASKED));
  }

  @Test
  void theSeedOfArrivalsChangesNothing() {
    Problem inputs = problem(40, 64).problem();
    double[] once = run(HandBuilt.kernel(), inputs, new TileInterpreter.Options(true, 1)).o();
    for (long seed = 2; seed < 6; seed++) {
      TileInterpreter.Options options = new TileInterpreter.Options(true, seed);
      assertTrue(Arrays.equals(once, run(HandBuilt.kernel(), inputs, options).o()));
    }
  }

  @Test
  void aTileReadAfterItsReleaseIsDamaged() {
    // Tiles are released as soon as they are got: some timings hide it, others show it.
    TileKernel kernel = releasedEarly();
    Case problem = problem(64, 96);
    long shown =
        LongStream.range(0, 10)
            .filter(seed -> differs(kernel, problem(64, 96, problem.distribution(), seed)))
            .count();
    assertTrue(shown > 0);
  }

  private static TileKernel releasedEarly() {
    TileKernel kernel = HandBuilt.kernel();
    return kernel.withBody(kernel.body().stream().map(TileInterpreterTest::releaseAtOnce).toList());
  }

  private static Op releaseAtOnce(Op op) {
    if (!(op instanceof Op.For loop)) {
      return op;
    }
    List<Op> body =
        loop.body().stream()
            .filter(o -> !(o instanceof Op.Release))
            .<Op>mapMulti(
                (o, next) -> {
                  next.accept(o);
                  if (o instanceof Op.Get get) {
                    next.accept(new Op.Release(get.channel()));
                  }
                })
            .toList();
    return new Op.For(
        loop.phase(), loop.index(), loop.from(), loop.to(), loop.carried(), body, loop.yields());
  }

  // Each of these changes one operation of the loops; the comparison must notice.

  @Test
  void noticesAMaskThatIsOffByOne() {
    Clause strict =
        new Clause(
            new Expr.Compare(CompareOp.LT, HandBuilt.KV, HandBuilt.Q), HandBuilt.spec().origin());
    assertDiffers(
        op ->
            op instanceof Op.Mask m
                ? new Op.Mask(m.out(), m.in(), strict, m.otherwise(), m.index())
                : op);
  }

  @Test
  void noticesAFiniteMaskedScore() {
    assertDiffers(
        op ->
            op instanceof Op.Mask m
                ? new Op.Mask(m.out(), m.in(), m.predicate(), -10, m.index())
                : op);
  }

  @Test
  void noticesAnAccumulatorThatIsNotRescaled() {
    assertDiffers(
        op ->
            op instanceof Op.Dot d && d.accumulate().isPresent()
                ? new Op.Dot(
                    d.out(),
                    d.a(),
                    d.b(),
                    d.transposeB(),
                    Optional.of(
                        HandBuilt.tile(
                            d.out().name().replace("next", ""), HandBuilt.ROWS, HandBuilt.DIM.v())))
                : op);
  }

  @Test
  void noticesAScaleThatIsOffByATenthOfAPercent() {
    assertDiffers(
        op ->
            op instanceof Op.Exp2 e
                ? new Op.Exp2(e.out(), e.in(), new Expr.FloatConst(1.001), e.max(), e.guarded())
                : op);
  }

  @Test
  void noticesAMissingGuard() {
    // No key is live, so every maximum stays infinite: −∞ − (−∞) is NaN.
    TileKernel kernel =
        HandBuilt.changed(
            op ->
                switch (op) {
                  case Op.Exp2 e -> new Op.Exp2(e.out(), e.in(), e.factor(), e.max(), false);
                  case Op.Mask m ->
                      new Op.Mask(
                          m.out(),
                          m.in(),
                          new Clause(new Expr.BoolConst(false), m.predicate().origin()),
                          m.otherwise(),
                          m.index());
                  default -> op;
                });
    double[] o = run(kernel, problem(16, 16).problem(), new TileInterpreter.Options(false, 1)).o();
    assertTrue(Arrays.stream(o).allMatch(Double::isNaN));
  }

  @Test
  void aPartialSumIsNotARow() {
    TileKernel kernel = HandBuilt.kernel();
    Value sums = HandBuilt.lanes("l2");
    TileKernel forgotten =
        kernel.withBody(
            kernel.body().stream()
                .filter(op -> !(op instanceof Op.ReduceRow))
                .map(op -> Ops.rename(op, v -> v.equals(HandBuilt.row("l")) ? sums : v))
                .toList());
    Problem inputs = problem(16, 16).problem();
    Throwable thrown =
        assertThrows(
            RuntimeException.class,
            () -> run(forgotten, inputs, new TileInterpreter.Options(false, 1)));
    assertTrue(
        String.valueOf(thrown.getMessage()).contains("l2 is Row<32, partial>"), thrown::getMessage);
  }

  @Test
  void aGetThatNothingWasPutForWaitsForEver() {
    TileKernel kernel = HandBuilt.kernel();
    TileKernel broken =
        kernel.withBody(kernel.body().stream().filter(op -> !(op instanceof Op.Put)).toList());
    assertMessage(broken, "waits for ever for a tile");
  }

  @Test
  void aPutIntoAFullChannelWaitsForEver() {
    TileKernel kernel = HandBuilt.changed(op -> op);
    TileKernel broken =
        kernel.withBody(
            kernel.body().stream()
                .<Op>mapMulti(
                    (op, next) -> {
                      next.accept(op);
                      if (op instanceof Op.Put put) {
                        next.accept(new Op.Put(put.channel(), put.index(), 1, put.end()));
                      }
                    })
                .toList());
    assertMessage(broken, "waits for ever for a free stage");
  }

  private static void assertMessage(TileKernel kernel, String expected) {
    Problem inputs = problem(64, 64).problem();
    Throwable thrown =
        assertThrows(
            RuntimeException.class,
            () -> run(kernel, inputs, new TileInterpreter.Options(false, 1)));
    assertTrue(String.valueOf(thrown.getMessage()).contains(expected), thrown::getMessage);
  }

  private static void assertDiffers(UnaryOperator<Op> change) {
    assertTrue(differs(HandBuilt.changed(change), problem(64, 64)));
  }

  private static boolean differs(TileKernel kernel, Case problem) {
    try {
      new Exactness(problem).check("a change", kernel);
      return false;
    } catch (AssertionError e) {
      assertTrue(String.valueOf(e.getMessage()).contains("attune run"), e::getMessage);
      return true;
    }
  }

  private static TileInterpreter.Result run(
      TileKernel kernel, Problem p, TileInterpreter.Options options) {
    return TileInterpreter.run(kernel, p.bindings(), p.q(), p.k(), p.v(), options);
  }

  private static float[] floats(double[] values) {
    float[] out = new float[values.length];
    for (int i = 0; i < out.length; i++) {
      out[i] = (float) values[i];
    }
    return out;
  }
}
