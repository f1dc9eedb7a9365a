package dev.attune.compiler.reference;

import dev.attune.compiler.spec.Clause;
import dev.attune.compiler.spec.Eval;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Normalization;
import dev.attune.compiler.spec.Shape;
import java.util.List;
import java.util.Optional;

/**
 * The meaning of a spec in binary64: naive, unfused, a row at a time, straight from {@link
 * dev.attune.compiler.spec.AttentionSpec}. Its results are not rounded.
 */
public final class Reference {
  private final Problem problem;

  /** The reference for one problem. */
  public Reference(Problem problem) {
    this.problem = problem;
  }

  /** The problem that it answers. */
  public Problem problem() {
    return problem;
  }

  /**
   * One row of the answer.
   *
   * @param live the number of live keys
   * @param o Dv values
   * @param lse natural log; −∞ where nothing is in the denominator, NaN for a spec with {@code
   *     weight}
   * @param maxScore the largest live score, −∞ where there is none
   * @param magnitude Σ p·|v| per output: how large the terms are that O sums, where a p below the
   *     dtype's normal numbers counts as the smallest of them, because that is how it rounds
   * @param spread Σ p²·v² over keys and outputs, likewise: the variance of O per squared relative
   *     error of the p
   * @param concentration √Σ (p²·|v|²)² over keys: near {@code spread} where one key makes up most
   *     of it, and small beside it where many do
   * @param steepness the largest |score|: relative error of p per relative error of the scores
   */
  @SuppressWarnings("ArrayRecordComponent") // Bulk data: identity is the only useful equality.
  public record Row(
      int live,
      double[] o,
      double lse,
      double maxScore,
      double[] magnitude,
      double spread,
      double concentration,
      double steepness) {}

  /** Several rows, computed in parallel, in the order asked for. */
  public List<Row> rows(List<RowId> rows) {
    return rows.parallelStream().map(this::row).toList();
  }

  /** Every row, in the order of {@link RowId#all}. */
  public List<Row> rows() {
    return rows(RowId.all(problem.shape()));
  }

  /** One row. */
  public Row row(RowId row) {
    Eval eval = new Eval(problem.bindings());
    Keys keys = Keys.of(problem, eval, row);
    return switch (problem.spec().normalization()) {
      case Normalization.Softmax(Optional<Clause> sink) -> softmax(row, keys, eval, sink);
      case Normalization.Weight(Clause weight) -> {
        double[] weights = values(weight.expr(), row, keys, eval);
        yield sum(row, keys, weights, weights, smallestNormal(), Double.NaN, largest(weights));
      }
    };
  }

  private Row softmax(RowId row, Keys keys, Eval eval, Optional<Clause> sink) {
    double[] scores = values(problem.spec().score().expr(), row, keys, eval);
    double max = largest(scores);
    double m = max;
    if (sink.isPresent()) {
      m = Math.max(m, sink(sink.get(), row, eval));
    }
    // Where every live score is −∞ each term is exp(−∞) = 0, not exp(−∞ + ∞).
    double subtrahend = m == Double.NEGATIVE_INFINITY ? 0 : m;
    double l = sink.isPresent() ? Math.exp(sink(sink.get(), row, eval) - subtrahend) : 0;
    double[] p = new double[keys.count()];
    for (int i = 0; i < p.length; i++) {
      p[i] = Math.exp(scores[i] - subtrahend);
      l += p[i];
    }
    for (int i = 0; i < p.length; i++) {
      p[i] = l == 0 ? 0 : p[i] / l;
    }
    // Kernels round P before the division by l.
    double floor = smallestNormal() / Math.max(1, l);
    return sum(row, keys, p, scores, floor, subtrahend + Math.log(l), max);
  }

  private double smallestNormal() {
    return switch (problem.dtype()) {
      case BF16 -> Float.MIN_NORMAL;
      case F16 -> 0x1p-14;
    };
  }

  private static double sink(Clause sink, RowId row, Eval eval) {
    return eval.at(row.b(), row.h(), row.q(), 0).real(sink.expr());
  }

  private static double[] values(Expr e, RowId row, Keys keys, Eval eval) {
    double[] values = new double[keys.count()];
    for (int i = 0; i < values.length; i++) {
      eval.at(row.b(), row.h(), row.q(), keys.positions()[i]).score(keys.products()[i]);
      values[i] = eval.real(e);
    }
    return values;
  }

  private static double largest(double[] scores) {
    double max = Double.NEGATIVE_INFINITY;
    for (double s : scores) {
      max = Math.max(max, s);
    }
    return max;
  }

  private Row sum(
      RowId row, Keys keys, double[] p, double[] scores, double floor, double lse, double max) {
    Shape s = problem.shape();
    int dv = s.headDim().v();
    float[] v = problem.v().floats();
    double[] o = new double[dv];
    double[] magnitude = new double[dv];
    double spread = 0;
    double squares = 0;
    double steepness = 0;
    for (int i = 0; i < p.length; i++) {
      int at = Keys.keyIndex(s, row, keys.positions()[i]) * dv;
      double key = 0;
      for (int d = 0; d < dv; d++) {
        o[d] += p[i] * v[at + d];
        double term = Math.max(Math.abs(p[i]), floor) * v[at + d];
        magnitude[d] += Math.abs(term);
        key += term * term;
      }
      spread += key;
      squares += key * key;
      if (p[i] != 0) {
        steepness = Math.max(steepness, Math.abs(scores[i]));
      }
    }
    return new Row(keys.count(), o, lse, max, magnitude, spread, Math.sqrt(squares), steepness);
  }
}
