package dev.attune.compiler.tile;

import dev.attune.compiler.spec.Clause;
import java.util.Arrays;
import java.util.function.DoubleBinaryOperator;

/** The operations whose results are rows: what the softmax keeps of each query. */
final class Statistics {
  private static final double LOG2_E = 1 / Math.log(2);
  private static final double LN_2 = Math.log(2);

  private final Values values;
  private final Place place;

  Statistics(Values values, Place place) {
    this.values = values;
    this.place = place;
  }

  void rowMax(Op.RowMax o) {
    Data.Matrix in = values.matrix(o.in());
    double factor = place.uniform(o.factor());
    double[] out = values.row(o.floor()).clone();
    for (int r = 0; r < in.rows(); r++) {
      double largest = Double.NEGATIVE_INFINITY;
      for (int c = 0; c < in.cols(); c++) {
        largest = Math.max(largest, in.elements()[r * in.cols() + c]);
      }
      out[r] = Math.max(out[r], place.f32(factor * largest));
    }
    values.put(o.out(), new Data.Row(out));
  }

  void rescale(Op.Rescale o) {
    double[] oldMax = values.row(o.oldMax());
    double[] newMax = values.row(o.newMax());
    double[] max = new double[oldMax.length];
    double[] alpha = new double[oldMax.length];
    for (int r = 0; r < max.length; r++) {
      max[r] =
          switch (o.rule()) {
            case Op.Rule.Always() -> newMax[r];
            case Op.Rule.Lazy(int threshold) ->
                newMax[r] - oldMax[r] > threshold ? newMax[r] : oldMax[r];
          };
      alpha[r] = max[r] == oldMax[r] ? 1 : place.f32(Math.pow(2, oldMax[r] - max[r]));
    }
    values.put(o.max(), new Data.Row(max));
    values.put(o.alpha(), new Data.Row(alpha));
    values.put(o.sumOut(), scaled(o.sum(), alpha));
  }

  private Data scaled(Value sum, double[] alpha) {
    boolean partial = values.get(sum) instanceof Data.Lanes;
    double[] out = partial ? values.lanes(sum).clone() : values.row(sum).clone();
    int perRow = out.length / alpha.length;
    Arrays.setAll(out, i -> place.f32(out[i] * alpha[i / perRow]));
    return partial ? new Data.Lanes(out) : new Data.Row(out);
  }

  void rowSum(Op.RowSum o) {
    Data.Matrix in = values.matrix(o.in());
    boolean partial = values.get(o.initial()) instanceof Data.Lanes;
    double[] out = partial ? values.lanes(o.initial()).clone() : values.row(o.initial()).clone();
    for (int i = 0; i < in.elements().length; i++) {
      int r = i / in.cols();
      int at = partial ? r * Data.LANES + i % in.cols() % 8 / 2 : r;
      out[at] = place.f32(out[at] + in.elements()[i]);
    }
    values.put(o.out(), partial ? new Data.Lanes(out) : new Data.Row(out));
  }

  void reduceRow(Op.ReduceRow o) {
    double[] lanes = values.lanes(o.in());
    double[] out = new double[lanes.length / Data.LANES];
    for (int i = 0; i < lanes.length; i++) {
      out[i / Data.LANES] = place.f32(out[i / Data.LANES] + lanes[i]);
    }
    values.put(o.out(), new Data.Row(out));
  }

  void sink(Op.Sink o) {
    double[] max = values.row(o.max());
    double[] sum = values.row(o.sum());
    double[] maxOut = new double[max.length];
    double[] sumOut = new double[max.length];
    double[] alpha = new double[max.length];
    Clause clause = o.sink();
    for (int r = 0; r < max.length; r++) {
      double logit = place.f32(place.at(r, 0).real(clause.expr()) * LOG2_E);
      maxOut[r] = Math.max(max[r], logit);
      alpha[r] = maxOut[r] == max[r] ? 1 : place.f32(Math.pow(2, max[r] - maxOut[r]));
      sumOut[r] = place.f32(sum[r] * alpha[r] + TileMath.weight(place, logit, maxOut[r]));
    }
    values.put(o.maxOut(), new Data.Row(maxOut));
    values.put(o.sumOut(), new Data.Row(sumOut));
    values.put(o.alpha(), new Data.Row(alpha));
  }

  void logSumExp(Op.LogSumExp o) {
    combine(
        o.out(),
        o.max(),
        o.sum(),
        (max, sum) ->
            sum == 0 ? Double.NEGATIVE_INFINITY : place.f32((max + Math.log(sum) * LOG2_E) * LN_2));
  }

  void naturalUnits(Op.NaturalUnits o) {
    combine(o.out(), o.in(), o.in(), (max, same) -> place.f32(max * LN_2));
  }

  private void combine(Value out, Value a, Value b, DoubleBinaryOperator f) {
    double[] x = values.row(a);
    double[] y = values.row(b);
    double[] results = new double[x.length];
    Arrays.setAll(results, r -> f.applyAsDouble(x[r], y[r]));
    values.put(out, new Data.Row(results));
  }
}
