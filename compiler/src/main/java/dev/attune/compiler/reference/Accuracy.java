package dev.attune.compiler.reference;

import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.NdArray;
import dev.attune.compiler.spec.Normalization;
import dev.attune.compiler.spec.Shape;
import dev.attune.compiler.spec.UnaryOp;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * Judges a result against the reference. Global measures miss a damaged tile and maxima miss a
 * drift, so there is a gate for each: the largest error and the RMS error relative to the unfused
 * computation in the same dtype, every row and every element relative to what rounding explains,
 * and the LSE, which shows a wrong scale or a stray key long before O does. A problem that exceeds
 * the dtype, as weights without normalisation may exceed f16, cannot be judged and does not pass.
 */
public final class Accuracy {
  private Accuracy() {}

  /**
   * What a result may be.
   *
   * @param maxRatio largest error of O, in largest errors of the unfused computation
   * @param rmseRatio RMS error of O, in RMS errors of the unfused computation, over many rows
   * @param rowRatio RMS error of a row, in what rounding P and O explains
   * @param elementRatio error of an element, in its bound
   * @param lse error of LSE and of the largest score, relative to max(1, |value|) and to what
   *     evaluating the scores in binary32 explains
   */
  public record Limits(
      double maxRatio, double rmseRatio, double rowRatio, double elementRatio, double lse) {
    /** What the project promises to its users. */
    public static final Limits PROMISE = new Limits(1.25, 1.05, 2, 1, 1e-5);

    /** What its own tests require. */
    public static final Limits TESTS = new Limits(1.15, 1.02, 2, 1, 5e-6);

    /** These limits for a spec: wider where it asks for {@link UnaryOp#FAST_TANH}. */
    public Limits of(AttentionSpec spec) {
      Expr clause =
          switch (spec.normalization()) {
            case Normalization.Softmax s -> spec.score().expr();
            case Normalization.Weight w -> w.weight().expr();
          };
      return Exprs.uses(clause, e -> e instanceof Expr.Unary u && u.op() == UnaryOp.FAST_TANH)
          ? new Limits(3, 1.5, rowRatio, elementRatio, lse)
          : this;
    }
  }

  /** An element of O, or with {@code d} = −1 a row. */
  public record Place(int b, int h, int q, int d) {
    @Override
    public String toString() {
      String row = "b=" + b + " h=" + h + " q=" + q;
      return d < 0 ? row : row + " d=" + d;
    }
  }

  /**
   * One measure and its limit.
   *
   * @param worst where the measure is largest
   */
  public record Gate(String name, double value, double limit, Optional<Place> worst) {
    /** Whether the limit holds; NaN never does. */
    public boolean passes() {
      return value <= limit;
    }

    @Override
    public String toString() {
      return String.format(Locale.ROOT, "%s %.4g (limit %.4g)", name, value, limit)
          + worst.map(w -> " at " + w).orElse("");
    }
  }

  /**
   * The judgement.
   *
   * @param rows how many rows were compared
   * @param maxErr largest |O − reference|; NaN where O is NaN and the reference is not
   * @param maxRatio in largest errors of the unfused computation
   * @param rmseRatio in RMS errors of the unfused computation
   * @param rowRatio RMS error of the worst row, in what rounding explains
   * @param lseErr largest error of LSE, likewise; 0 where there is none
   * @param flashRule largest error as FlashAttention's tests measure it; they accept 2
   */
  public record Report(
      int rows,
      double maxErr,
      double maxRatio,
      double rmseRatio,
      double rowRatio,
      double lseErr,
      double flashRule,
      List<Gate> gates) {
    /** Whether every gate passes. */
    public boolean passes() {
      return gates.stream().allMatch(Gate::passes);
    }

    /** The gates that do not pass, one line each. */
    public String failures() {
      return gates.stream()
          .filter(g -> !g.passes())
          .map(Gate::toString)
          .collect(Collectors.joining("\n"));
    }
  }

  /** Judges all rows by the limits of the project's tests. */
  public static Report check(Problem problem, Result actual) {
    return check(problem, actual, RowId.all(problem.bindings()), Limits.TESTS);
  }

  /** Judges some rows, by the limits as they are for the problem's spec. */
  public static Report check(Problem problem, Result actual, List<RowId> rows, Limits limits) {
    return new Expected(problem, rows).check(actual, limits);
  }

  /** What rows of a problem should be: all of a judgement that needs no result. */
  public static final class Expected {
    private final Problem problem;
    private final List<RowId> rows;
    private final List<Reference.Row> exact;
    private final List<double[]> unfused;
    private final List<double[]> scores32;

    /** Computes the rows. */
    public Expected(Problem problem, List<RowId> rows) {
      this.problem = problem;
      this.rows = List.copyOf(rows);
      this.exact = new Reference(problem).rows(rows);
      this.unfused = new Unfused(problem, Unfused.Scores.DTYPE).rows(rows);
      this.scores32 = new Unfused(problem, Unfused.Scores.FLOAT32).rows(rows);
    }

    /** Judges the rows of a result, by the limits as they are for the problem's spec. */
    public Report check(Result actual, Limits limits) {
      return new Comparison(problem, actual, rows, exact, unfused, scores32)
          .report(limits.of(problem.spec()));
    }
  }

  /** The largest of several values with its place: NaN is larger than all. */
  private static final class Worst {
    private double value;
    private Optional<Place> place = Optional.empty();

    void see(double candidate, RowId row, int d) {
      if (!(candidate <= value) && !Double.isNaN(value)) {
        value = candidate;
        place = Optional.of(new Place(row.b(), row.h(), row.q(), d));
      }
    }

    Gate gate(String name, double limit) {
      return new Gate(name, value, limit, place);
    }
  }

  private record Comparison(
      Problem problem,
      Result actual,
      List<RowId> rows,
      List<Reference.Row> expected,
      List<double[]> unfused,
      List<double[]> scores32) {

    Report report(Limits limits) {
      Shape shape = problem.shape();
      int dv = shape.headDim().v();
      float[] o = actual.o().floats();
      double unit = unit(problem.dtype());
      double unfusedMax = unfusedMax();
      Worst undefined = new Worst();
      Worst overflow = new Worst();
      Worst maxErr = new Worst();
      Worst maxRatio = new Worst();
      Worst element = new Worst();
      Worst rowWorst = new Worst();
      Worst empty = new Worst();
      double squares = 0;
      double unfusedSquares = 0;
      double floors = 0;
      for (int r = 0; r < rows.size(); r++) {
        RowId row = rows.get(r);
        Reference.Row e = expected.get(r);
        int at = row.outputIndex(shape);
        double rowSquares = 0;
        double rowUnfused = 0;
        double row32 = 0;
        double power = 0;
        double fourth = 0;
        for (int d = 0; d < dv; d++) {
          double square = square(e.o()[d]);
          power += square;
          fourth += square * square;
        }
        double rms = Math.sqrt(power / dv);
        for (int d = 0; d < dv; d++) {
          double want = e.o()[d];
          undefined.see(Double.isFinite(want) ? 0 : 1, row, d);
          overflow.see(Double.isFinite(unfused.get(r)[d]) ? 0 : 1, row, d);
          double error = Math.abs(o[at + d] - want);
          maxErr.see(error, row, d);
          double floor = ulp(problem.dtype(), Math.max(rms, Math.abs(want)));
          maxRatio.see(ratio(error, unfusedMax + floor / limits.maxRatio()), row, d);
          double bound =
              unit * Math.abs(want)
                  + unit * e.magnitude()[d]
                  + e.deviation().o()[d]
                  + smallest(problem.dtype());
          element.see(ratio(error, bound), row, d);
          if (e.live() == 0) {
            empty.see(o[at + d] == 0 ? 0 : 1, row, d);
          }
          rowSquares += error * error;
          rowUnfused += square(unfused.get(r)[d] - want);
          row32 += square(scores32.get(r)[d] - want);
        }
        // A rounding error is at most one unit of the number, and unit/√6 in the mean square.
        double relative = unit / Math.sqrt(6);
        double explained = square(relative) * (power + e.spread()) + e.deviation().spread();
        // A sum of few squares scatters about its mean, here by some 0.2 unit² times the root of
        // the fourth powers: a row may be five deviations above, before the limit's factor of 2²
        // in squares.
        double scatter = square(unit) / 4 * (e.concentration() + Math.sqrt(fourth));
        double rounding =
            Math.sqrt(Math.max(row32, explained + scatter)) + smallest(problem.dtype());
        rowWorst.see(ratio(Math.sqrt(rowSquares), rounding), row, -1);
        squares += rowSquares;
        unfusedSquares += rowUnfused;
        floors += explained;
      }
      double rmseRatio = ratio(Math.sqrt(squares), Math.sqrt(Math.max(unfusedSquares, floors)));
      double n = Math.max(1, rows.size());
      List<Gate> gates = new ArrayList<>();
      gates.add(undefined.gate("reference_undefined", 0));
      gates.add(overflow.gate("dtype_overflow", 0));
      // The largest of few errors may be small by chance, the unfused computation's as well.
      double few = 1 + 1 / (n * Math.max(1, dv));
      gates.add(maxRatio.gate("max_ratio", limits.maxRatio() * few));
      // Two RMS values over n independent rows differ by chance by about 1/√n.
      gates.add(
          new Gate(
              "rmse_ratio", rmseRatio, limits.rmseRatio() + 2 / Math.sqrt(n), Optional.empty()));
      // The mean of few squares scatters more: 16 or more outputs keep a factor 2 improbable.
      gates.add(
          rowWorst.gate(
              "row_ratio", limits.rowRatio() * Math.sqrt(Math.max(1, 16.0 / Math.max(1, dv)))));
      gates.add(element.gate("element_ratio", limits.elementRatio()));
      gates.add(empty.gate("empty_row_not_zero", 0));
      Worst lse = new Worst();
      if (problem.spec().normalization() instanceof Normalization.Softmax) {
        actual.lse().ifPresent(array -> compareRows(array, true, limits.lse(), lse));
      }
      gates.add(lse.gate("lse_err", limits.lse()));
      Worst score = new Worst();
      actual.maxScore().ifPresent(array -> compareRows(array, false, limits.lse(), score));
      gates.add(score.gate("max_score_err", limits.lse()));
      return new Report(
          rows.size(),
          maxErr.value,
          maxRatio.value,
          rmseRatio,
          rowWorst.value,
          lse.value,
          ratio(maxErr.value, unfusedMax),
          List.copyOf(gates));
    }

    private void compareRows(NdArray array, boolean lse, double limit, Worst worst) {
      for (int r = 0; r < rows.size(); r++) {
        Reference.Row e = expected.get(r);
        double want = lse ? e.lse() : e.maxScore();
        double rounding = lse ? e.deviation().lse() : e.deviation().maxScore();
        double got = array.floats()[rows.get(r).lseIndex(problem.shape())];
        double scale = Math.max(1, Math.abs(want)) + rounding / limit;
        double error = want == got ? 0 : Math.abs(got - want) / scale;
        boolean lost = Double.isInfinite(want) && want != got; // ∞/∞ would hide it.
        worst.see(lost ? Double.POSITIVE_INFINITY : error, rows.get(r), -1);
      }
    }

    private double unfusedMax() {
      double max = 0;
      for (int r = 0; r < rows.size(); r++) {
        for (int d = 0; d < unfused.get(r).length; d++) {
          double error = Math.abs(unfused.get(r)[d] - expected.get(r).o()[d]);
          max = Double.isFinite(error) ? Math.max(max, error) : max;
        }
      }
      return max;
    }
  }

  private static double square(double x) {
    return x * x;
  }

  private static double ratio(double error, double scale) {
    return error == 0 ? 0 : error / scale;
  }

  /** The largest relative error of rounding to a dtype: 2⁻⁸ or 2⁻¹¹. */
  static double unit(Dtype dtype) {
    return switch (dtype) {
      case BF16 -> 0x1p-8;
      case F16 -> 0x1p-11;
    };
  }

  /** The distance of a dtype's numbers at a value. */
  static double ulp(Dtype dtype, double value) {
    double normal = Math.max(Math.abs(value), dtype == Dtype.F16 ? 0x1p-14 : 0x1p-126);
    return 2 * unit(dtype) * Math.scalb(1.0, Math.getExponent(normal));
  }

  /**
   * The distance of a dtype's smallest numbers. Of bf16 what kernels flush to zero is more: weights
   * and their factors below 2⁻¹²⁶, which many keys may share.
   */
  private static double smallest(Dtype dtype) {
    return switch (dtype) {
      case BF16 -> 0x1p-110;
      case F16 -> 0x1p-24;
    };
  }
}
