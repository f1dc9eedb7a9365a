package dev.attune.compiler.reference;

import dev.attune.compiler.spec.Bindings;
import dev.attune.compiler.spec.Eval;
import dev.attune.compiler.spec.Shape;
import java.util.Arrays;

/**
 * The live keys of a row with their raw products.
 *
 * @param positions in increasing order
 * @param products q·k in binary64
 * @param magnitudes Σ |q·k| over the head dimension: how large the terms are that a product sums
 */
@SuppressWarnings("ArrayRecordComponent") // Lives for one row.
record Keys(int[] positions, double[] products, double[] magnitudes) {

  /** Evaluates the mask at every key. What K and V hold at a dead key is never read. */
  static Keys of(Problem problem, Eval eval, RowId row) {
    Bindings bindings = problem.bindings();
    Shape s = bindings.shape();
    int d = s.headDim().qk();
    float[] q = problem.q().floats();
    float[] k = problem.k().floats();
    int at = ((row.b() * s.seq() + row.q()) * s.heads() + row.h()) * d;
    int count = bindings.keys(row.b());
    int[] positions = new int[count];
    double[] products = new double[count];
    double[] magnitudes = new double[count];
    int live = 0;
    for (int kv = 0; kv < count; kv++) {
      if (eval.at(row.b(), row.h(), row.q(), kv).bool(problem.spec().mask().expr())) {
        int key = keyIndex(s, row, kv) * d;
        for (int i = 0; i < d; i++) {
          double term = (double) q[at + i] * k[key + i];
          products[live] += term;
          magnitudes[live] += Math.abs(term);
        }
        positions[live++] = kv;
      }
    }
    return new Keys(
        Arrays.copyOf(positions, live),
        Arrays.copyOf(products, live),
        Arrays.copyOf(magnitudes, live));
  }

  /** The row of K or V that a query row reads at a key, counted in vectors. */
  static int keyIndex(Shape s, RowId row, int kv) {
    return (row.b() * s.kvSeq() + kv) * s.kvHeads() + row.h() / s.group();
  }

  int count() {
    return positions.length;
  }
}
