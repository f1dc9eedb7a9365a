package dev.attune.compiler.reference;

import dev.attune.compiler.spec.Clause;
import dev.attune.compiler.spec.Eval;
import dev.attune.compiler.spec.NdArray;
import dev.attune.compiler.spec.Normalization;
import dev.attune.compiler.spec.Shape;
import java.util.Optional;

/**
 * What a correct fused kernel computes, rounded where it rounds, and what it computes with one
 * defect: online softmax over tiles of keys, binary32 scores and sums, P rounded unnormalised to
 * the dtype, O divided once at the end.
 */
record FlashSimulation(Defect defect, int tile) implements Executor {

  enum Defect {
    NONE,
    /** The scale is 0.1 % too large. */
    SCALE,
    /** A key of zeros past the last live one counts. */
    KEY_TOO_MANY,
    /** The last live key does not count. */
    KEY_MISSING,
    /** The second tile reads the V of the first. */
    STALE_TILE,
    /** One row in eight keeps its O as it was where the maximum grows. */
    MISSED_RESCALE,
    /** One output is 3 % off. */
    ELEMENT,
    /** One output is NaN. */
    NAN,
    /** A row without keys is divided by its empty sum all the same. */
    EMPTY_ROW,
    /** LSE is in base 2. */
    LSE_BASE
  }

  @Override
  public Result run(Problem problem) {
    Shape s = problem.shape();
    NdArray o = NdArray.floats(s.batch(), s.seq(), s.heads(), s.headDim().v());
    NdArray lse = NdArray.floats(s.batch(), s.heads(), s.seq());
    RowId.all(s).parallelStream().forEach(row -> row(problem, row, o.floats(), lse.floats()));
    boolean softmax = problem.spec().normalization() instanceof Normalization.Softmax;
    return new Result(o, softmax ? Optional.of(lse) : Optional.empty());
  }

  private void row(Problem problem, RowId row, float[] out, float[] lses) {
    Shape s = problem.shape();
    int dv = s.headDim().v();
    Eval eval = new Eval(problem.bindings());
    Keys keys = Keys.of(problem, eval, row);
    boolean softmax = problem.spec().normalization() instanceof Normalization.Softmax;
    int last = keys.count() - (defect == Defect.KEY_MISSING && row.q() % 7 == 6 ? 1 : 0);
    float m = Float.NEGATIVE_INFINITY;
    float l = 0;
    float[] o = new float[dv];
    for (int first = 0; first < last; first += tile) {
      int n = Math.min(tile, last - first);
      float[] scores = new float[n];
      float top = m;
      for (int i = 0; i < n; i++) {
        int kv = keys.positions()[first + i];
        double product = (float) keys.products()[first + i];
        product *= defect == Defect.SCALE ? 1.001 : 1;
        eval.at(row.b(), row.h(), row.q(), kv).score(product);
        scores[i] =
            (float)
                eval.real(
                    switch (problem.spec().normalization()) {
                      case Normalization.Softmax n1 -> problem.spec().score().expr();
                      case Normalization.Weight(Clause weight) -> weight.expr();
                    });
        top = Math.max(top, scores[i]);
      }
      float rescale = !softmax || m == top ? 1 : (float) Math.exp(m - top);
      l *= rescale;
      if (defect != Defect.MISSED_RESCALE || row.q() % 8 != 2 || first == 0) {
        for (int d = 0; d < dv; d++) {
          o[d] *= rescale;
        }
      }
      m = top;
      for (int i = 0; i < n; i++) {
        float p = softmax ? (float) Math.exp(scores[i] - m) : scores[i];
        l += p;
        float rounded = problem.dtype().round(p);
        int from = first + i - (defect == Defect.STALE_TILE && first == tile ? tile : 0);
        int at = Keys.keyIndex(s, row, keys.positions()[from]) * dv;
        for (int d = 0; d < dv; d++) {
          o[d] = Math.fma(rounded, problem.v().floats()[at + d], o[d]);
        }
      }
    }
    if (defect == Defect.KEY_TOO_MANY && last > 0 && softmax) {
      l += (float) Math.exp(-m);
    }
    if (problem.spec().normalization() instanceof Normalization.Softmax(var sink)
        && sink.isPresent()) {
      float logit = (float) eval.at(row.b(), row.h(), row.q(), 0).real(sink.get().expr());
      float top = Math.max(m, logit);
      float rescale = m == top ? 1 : (float) Math.exp(m - top);
      for (int d = 0; d < dv; d++) {
        o[d] *= rescale;
      }
      l = l * rescale + (float) Math.exp(logit - top);
      m = top;
    }
    store(problem, row, o, l, m, softmax, out, lses);
  }

  private void store(
      Problem problem,
      RowId row,
      float[] o,
      float l,
      float m,
      boolean softmax,
      float[] out,
      float[] lses) {
    Shape s = problem.shape();
    boolean empty = l == 0 && defect != Defect.EMPTY_ROW;
    for (int d = 0; d < o.length; d++) {
      float value = !softmax ? o[d] : empty ? 0 : o[d] / l;
      boolean here = row.q() == 4 && row.h() == 0 && d == 3;
      value *= here && defect == Defect.ELEMENT ? 1.03f : 1;
      value = here && defect == Defect.NAN ? Float.NaN : value;
      out[row.outputIndex(s) + d] = problem.dtype().round(value);
    }
    double lse = l == 0 ? Double.NEGATIVE_INFINITY : m + Math.log(l);
    lses[row.lseIndex(s)] = (float) (defect == Defect.LSE_BASE ? lse / Math.log(2) : lse);
  }
}
