package dev.attune.compiler.reference;

import dev.attune.compiler.spec.Clause;
import dev.attune.compiler.spec.Eval;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Normalization;
import dev.attune.compiler.spec.Shape;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

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
   *     error of the p; or Σ (p·Σv)² over the different p, with the sums over the keys of equal p,
   *     which round alike, where that is more
   * @param concentration √Σ (p²·|v|²)² over keys, or over the different p: near {@code spread}
   *     where one makes up most of it, and small beside it where many do
   * @param deviation how far evaluating the scores in binary32 may move the results
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
      Deviation deviation) {}

  /**
   * How far binary32 arithmetic before the exponential, or that of the weights, may move a row.
   *
   * @param o each output: Σ δ·|v| with δ the errors of p, and for a softmax the error of Σ p
   * @param spread Σ δ²·v² over keys and outputs
   * @param lse absolute
   * @param maxScore absolute
   */
  @SuppressWarnings("ArrayRecordComponent") // Bulk data, as in a row.
  public record Deviation(double[] o, double spread, double lse, double maxScore) {}

  /** Several rows, computed in parallel, in the order asked for. */
  public List<Row> rows(List<RowId> rows) {
    return rows.parallelStream().map(this::row).toList();
  }

  /** Every row, in the order of {@link RowId#all}. */
  public List<Row> rows() {
    return rows(RowId.all(problem.bindings()));
  }

  /** One row. */
  public Row row(RowId row) {
    Eval eval = new Eval(problem.bindings());
    Keys keys = Keys.of(problem, eval, row);
    return switch (problem.spec().normalization()) {
      case Normalization.Softmax(Optional<Clause> sink) -> softmax(row, keys, eval, sink);
      case Normalization.Weight(Clause weight) -> {
        Values weights = values(weight.expr(), row, keys, eval);
        double largest = largest(weights.exact);
        yield sum(row, keys, weights, smallestNormal(), Double.NaN, largest, 0, 0);
      }
    };
  }

  private Row softmax(RowId row, Keys keys, Eval eval, Optional<Clause> sink) {
    Values scores = values(problem.spec().score().expr(), row, keys, eval);
    double max = largest(scores.exact);
    double m = max;
    if (sink.isPresent()) {
      m = Math.max(m, sink(sink.get(), row, eval));
    }
    // Where every live score is −∞ each term is exp(−∞) = 0, not exp(−∞ + ∞).
    double subtrahend = m == Double.NEGATIVE_INFINITY ? 0 : m;
    double l = sink.isPresent() ? Math.exp(sink(sink.get(), row, eval) - subtrahend) : 0;
    double[] p = new double[keys.count()];
    for (int i = 0; i < p.length; i++) {
      p[i] = Math.exp(scores.exact[i] - subtrahend);
      l += p[i];
    }
    double[] errors = new double[p.length];
    double lseError = 0;
    for (int i = 0; i < p.length; i++) {
      p[i] = l == 0 ? 0 : p[i] / l;
      errors[i] = p[i] == 0 ? 0 : p[i] * scores.errors[i];
      lseError += errors[i];
    }
    // Kernels round P before the division by l.
    double floor = smallestNormal() / Math.max(1, l);
    double lse = subtrahend + Math.log(l);
    return sum(row, keys, new Values(p, errors), floor, lse, max, lseError, maxError(scores, max));
  }

  /** How far the largest score may move: a score below it may come out above it. */
  private static double maxError(Values scores, double max) {
    double lowest = Double.NEGATIVE_INFINITY;
    double highest = Double.NEGATIVE_INFINITY;
    for (int i = 0; i < scores.exact.length; i++) {
      if (Double.isFinite(scores.exact[i])) {
        lowest = Math.max(lowest, scores.exact[i] - scores.errors[i]);
        highest = Math.max(highest, scores.exact[i] + scores.errors[i]);
      }
    }
    return Double.isFinite(max) ? Math.max(highest - max, max - lowest) : 0;
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

  /** Numbers, one for each live key, and how far binary32 may be from them. */
  @SuppressWarnings("ArrayRecordComponent") // Lives for one row.
  private record Values(double[] exact, double[] errors) {}

  private static Values values(Expr e, RowId row, Keys keys, Eval eval) {
    Values values = new Values(new double[keys.count()], new double[keys.count()]);
    RunningError error = new RunningError(eval);
    for (int i = 0; i < keys.count(); i++) {
      eval.at(row.b(), row.h(), row.q(), keys.positions()[i]).score(keys.products()[i]);
      values.exact[i] = eval.real(e);
      values.errors[i] = error.product(keys.magnitudes()[i]).of(e);
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

  /** The numbers of the keys, those of equal weight beside each other. */
  private static int[] byWeight(double[] weights) {
    return IntStream.range(0, weights.length)
        .boxed()
        .sorted(Comparator.comparingDouble(i -> weights[i]))
        .mapToInt(Integer::intValue)
        .toArray();
  }

  private Row sum(
      RowId row,
      Keys keys,
      Values p,
      double floor,
      double lse,
      double max,
      double lseError,
      double maxError) {
    Shape s = problem.shape();
    int dv = s.headDim().v();
    float[] v = problem.v().floats();
    double[] o = new double[dv];
    double[] magnitude = new double[dv];
    double[] deviation = new double[dv];
    double spread = 0;
    double squares = 0;
    double deviationSpread = 0;
    for (int i = 0; i < keys.count(); i++) {
      int at = Keys.keyIndex(s, row, keys.positions()[i]) * dv;
      double key = 0;
      for (int d = 0; d < dv; d++) {
        o[d] += p.exact[i] * v[at + d];
        double term = Math.max(Math.abs(p.exact[i]), floor) * v[at + d];
        magnitude[d] += Math.abs(term);
        key += term * term;
        double moved = p.errors[i] * v[at + d];
        deviation[d] += Math.abs(moved);
        deviationSpread += moved * moved;
      }
      spread += key;
      squares += key * key;
    }
    double spreadAlike = 0;
    double squaresAlike = 0;
    double[] alike = new double[dv];
    int[] order = byWeight(p.exact);
    for (int n = 0; n < order.length; n++) {
      int i = order[n];
      int at = Keys.keyIndex(s, row, keys.positions()[i]) * dv;
      for (int d = 0; d < dv; d++) {
        alike[d] += Math.max(Math.abs(p.exact[i]), floor) * v[at + d];
      }
      if (n + 1 == order.length || p.exact[order[n + 1]] != p.exact[i]) {
        double sum = 0;
        for (int d = 0; d < dv; d++) {
          sum += alike[d] * alike[d];
        }
        spreadAlike += sum;
        squaresAlike += sum * sum;
        Arrays.fill(alike, 0);
      }
    }
    for (int d = 0; d < dv; d++) {
      deviation[d] += lseError * magnitude[d];
    }
    return new Row(
        keys.count(),
        o,
        lse,
        max,
        magnitude,
        Math.max(spread, spreadAlike),
        Math.sqrt(Math.max(squares, squaresAlike)),
        new Deviation(deviation, deviationSpread, lseError, maxError));
  }
}
