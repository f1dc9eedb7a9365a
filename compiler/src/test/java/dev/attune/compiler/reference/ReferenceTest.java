package dev.attune.compiler.reference;

import static dev.attune.compiler.spec.Exprs.add;
import static dev.attune.compiler.spec.Exprs.sub;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Bindings;
import dev.attune.compiler.spec.CompareOp;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Extent;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.compiler.spec.NdArray;
import dev.attune.compiler.spec.SequenceLengths;
import dev.attune.compiler.spec.Shape;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Small cases worked by hand. */
class ReferenceTest {
  private static final double NONE = Double.NEGATIVE_INFINITY;

  /** Two queries, three keys, scores ln 1, ln 2, ln 3 for both; V = 6, 12, NaN or 18. */
  private static Problem problem(AttentionSpec spec, float third, Map<String, NdArray> tensors) {
    Bindings bindings =
        new Bindings(new Shape(1, 1, 1, 2, 3, new HeadDim(1, 1)), 0.5, Map.of(), tensors);
    float[] k = {0, (float) (2 * Math.log(2)), (float) (2 * Math.log(3))};
    return new Problem(
        spec,
        bindings,
        Dtype.BF16,
        new NdArray(new int[] {1, 2, 1, 1}, new float[] {1, 1}),
        new NdArray(new int[] {1, 3, 1, 1}, k),
        new NdArray(new int[] {1, 3, 1, 1}, new float[] {6, 12, third}));
  }

  private static void row(Problem problem, int q, double o, double lse, double max) {
    Reference.Row row = new Reference(problem).row(new RowId(0, 0, q));
    assertArrayEquals(new double[] {o}, row.o(), 1e-6);
    assertEquals(lse, row.lse(), 1e-6);
    assertEquals(max, row.maxScore(), 1e-6);
  }

  @Test
  void softmax() {
    Problem full = problem(Specs.full(), 18, Map.of());
    row(full, 0, (6 + 2 * 12 + 3 * 18) / 6.0, Math.log(6), Math.log(3));
  }

  @Test
  void deadKeysAreNotRead() {
    Problem causal = problem(Specs.causal(), Float.NaN, Map.of());
    row(causal, 0, 6, 0, 0);
    row(causal, 1, (6 + 2 * 12) / 3.0, Math.log(3), Math.log(2));
  }

  /**
   * Each row of a batch of sequences is that of its sequence alone, whatever lies beyond its end.
   */
  @Test
  void sequencesDoNotSeeEachOther() {
    Expr last = add(Specs.Q, sub(new Expr.Size(Extent.SKV), new Expr.Size(Extent.SQ)));
    AttentionSpec bottomRight =
        Specs.of(
            "bottom_right",
            List.of(),
            Specs.PLAIN,
            new Expr.Compare(CompareOp.LE, Specs.KV, last),
            Specs.SOFTMAX);
    SequenceLengths lengths = new SequenceLengths(List.of(3, 0, 2), List.of(5, 4, 1));
    Shape shape = new Shape(3, 2, 1, 4, 6, new HeadDim(8, 8));
    Problem batch =
        Inputs.problem(
            bottomRight,
            new Bindings(shape, 0.5, Map.of(), Map.of()).with(lengths),
            Dtype.BF16,
            Inputs.Distribution.NORMAL,
            1);
    assertEquals(2 * (3 + 2), RowId.all(batch.bindings()).size());
    for (RowId row : RowId.all(batch.bindings())) {
      int keys = lengths.keys().get(row.b());
      Shape own = new Shape(1, 2, 1, lengths.queries().get(row.b()), keys, shape.headDim());
      Problem alone =
          new Problem(
              bottomRight,
              new Bindings(own, 0.5, Map.of(), Map.of()),
              Dtype.BF16,
              part(batch.q(), row.b(), own.seq()),
              part(batch.k(), row.b(), keys),
              part(batch.v(), row.b(), keys));
      Reference.Row expected = new Reference(alone).row(new RowId(0, row.h(), row.q()));
      Reference.Row found = new Reference(batch).row(row);
      assertArrayEquals(expected.o(), found.o());
      assertEquals(expected.lse(), found.lse());
      assertEquals(expected.live(), found.live());
    }
  }

  /** The first positions of a batch element. */
  private static NdArray part(NdArray of, int b, int positions) {
    int[] shape = of.shape();
    int row = shape[2] * shape[3];
    int from = b * shape[1] * row;
    return new NdArray(
        new int[] {1, positions, shape[2], shape[3]},
        Arrays.copyOfRange(of.floats(), from, from + positions * row));
  }

  @Test
  void aRowWithoutKeysIsZero() {
    Problem window = problem(Specs.windowWithEmptyRows(), 18, Map.of());
    row(window, 0, 0, NONE, NONE);
  }

  @Test
  void aSinkJoinsTheDenominatorOnly() {
    NdArray sinks = new NdArray(new int[] {1}, new float[] {(float) Math.log(5)});
    Problem sink = problem(Specs.sink(), 18, Map.of("sinks", sinks));
    row(sink, 1, (6 + 2 * 12) / 8.0, Math.log(8), Math.log(2));
  }

  @Test
  void weightsAreNotNormalised() {
    // sigmoid(ln n) = n / (n + 1), over 16.
    Problem sigmoid = problem(Specs.sigmoid(), 18, Map.of());
    row(sigmoid, 1, (6 / 2.0 + 12 * 2 / 3.0) / 16, Double.NaN, 2 / 3.0 / 16);
  }

  @Test
  void headsOfAGroupShareTheirKeys() {
    Shape shape = new Shape(2, 4, 2, 3, 5, new HeadDim(8, 16));
    Problem p = Inputs.problem(Specs.full(), Dtype.BF16, shape, Inputs.Distribution.NORMAL, 1);
    // Give every head the same query: heads 0 and 1, and 2 and 3, must then agree.
    float[] q = p.q().floats();
    for (int i = 0; i < q.length; i++) {
      q[i] = q[i / 32 * 32 + i % 8];
    }
    Reference reference = new Reference(p);
    for (int b = 0; b < 2; b++) {
      double[] first = reference.row(new RowId(b, 0, 2)).o();
      assertArrayEquals(first, reference.row(new RowId(b, 1, 2)).o());
      assertTrue(!Arrays.equals(first, reference.row(new RowId(b, 2, 2)).o()));
      assertArrayEquals(
          reference.row(new RowId(b, 2, 2)).o(), reference.row(new RowId(b, 3, 2)).o());
    }
  }

  @Test
  void theUnfusedComputationRoundsWhereItStores() {
    Problem full = problem(Specs.full(), 18, Map.of());
    double exact = new Reference(full).row(new RowId(0, 0, 0)).o()[0];
    for (Unfused.Scores scores : Unfused.Scores.values()) {
      double o = new Unfused(full, scores).row(new RowId(0, 0, 0))[0];
      assertEquals(exact, o, exact / 64);
      assertEquals(o, Dtype.BF16.round((float) o));
    }
  }

  @Test
  void samplesAreInOrderAndReachTheEnds() {
    Shape shape = new Shape(2, 3, 3, 1000, 8, new HeadDim(8, 8));
    List<RowId> rows = RowId.sample(shape, 100, 5);
    assertEquals(100, rows.size());
    assertEquals(new RowId(0, 0, 0), rows.getFirst());
    assertEquals(new RowId(1, 2, 999), rows.getLast());
    assertTrue(rows.contains(new RowId(0, 0, 511)) && rows.contains(new RowId(0, 0, 512)));
    assertEquals(6000, RowId.sample(shape, 6000, 5).size());
  }
}
