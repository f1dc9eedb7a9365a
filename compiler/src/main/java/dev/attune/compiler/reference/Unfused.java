package dev.attune.compiler.reference;

import dev.attune.compiler.spec.Clause;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.Eval;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Normalization;
import dev.attune.compiler.spec.Shape;
import java.util.List;
import java.util.Optional;

/**
 * The computation as a framework does it with one kernel per step, each storing its result: what a
 * fused kernel is fairly compared with. Products accumulate in binary32; P is normalised, then
 * rounded to the dtype, and so is O.
 */
public final class Unfused {

  /** What the score matrix is stored in. */
  public enum Scores {
    /** The dtype of Q and K: the raw product and the modified score are both rounded. */
    DTYPE,
    /** binary32. */
    FLOAT32
  }

  private final Problem problem;
  private final Scores stored;

  /** The unfused computation of one problem. */
  public Unfused(Problem problem, Scores stored) {
    this.problem = problem;
    this.stored = stored;
  }

  /** The outputs of several rows, Dv values each, computed in parallel. */
  public List<double[]> rows(List<RowId> rows) {
    return rows.parallelStream().map(this::row).toList();
  }

  /** The Dv outputs of one row. */
  public double[] row(RowId row) {
    Eval eval = new Eval(problem.bindings());
    Keys keys = Keys.of(problem, eval, row);
    return switch (problem.spec().normalization()) {
      case Normalization.Softmax(Optional<Clause> sink) -> {
        float[] scores = values(problem.spec().score().expr(), row, keys, eval);
        float m = Float.NEGATIVE_INFINITY;
        for (float s : scores) {
          m = Math.max(m, s);
        }
        float logit = Float.NEGATIVE_INFINITY;
        if (sink.isPresent()) {
          eval.at(row.b(), row.h(), row.q(), 0);
          logit = store((float) eval.real(sink.get().expr()));
        }
        m = Math.max(m, logit);
        float subtrahend = m == Float.NEGATIVE_INFINITY ? 0 : m;
        double l = Math.exp(logit - subtrahend);
        float[] p = new float[scores.length];
        for (int i = 0; i < p.length; i++) {
          p[i] = (float) Math.exp(scores[i] - subtrahend);
          l += p[i];
        }
        for (int i = 0; i < p.length; i++) {
          p[i] = l == 0 ? 0 : dtype().round(p[i] / (float) l);
        }
        yield product(row, keys, p);
      }
      case Normalization.Weight(Clause weight) -> {
        float[] w = values(weight.expr(), row, keys, eval);
        for (int i = 0; i < w.length; i++) {
          w[i] = dtype().round(w[i]);
        }
        yield product(row, keys, w);
      }
    };
  }

  private Dtype dtype() {
    return problem.dtype();
  }

  private float store(float x) {
    return stored == Scores.DTYPE ? dtype().round(x) : x;
  }

  private float[] values(Expr e, RowId row, Keys keys, Eval eval) {
    float[] values = new float[keys.count()];
    for (int i = 0; i < values.length; i++) {
      double product = store((float) keys.products()[i]);
      eval.at(row.b(), row.h(), row.q(), keys.positions()[i]).score(product);
      values[i] = store((float) eval.real(e));
    }
    return values;
  }

  private double[] product(RowId row, Keys keys, float[] p) {
    Shape s = problem.shape();
    int dv = s.headDim().v();
    float[] v = problem.v().floats();
    double[] o = new double[dv];
    for (int i = 0; i < p.length; i++) {
      int at = Keys.keyIndex(s, row, keys.positions()[i]) * dv;
      for (int d = 0; d < dv; d++) {
        o[d] += (double) p[i] * v[at + d];
      }
    }
    for (int d = 0; d < dv; d++) {
      o[d] = dtype().round((float) o[d]);
    }
    return o;
  }
}
