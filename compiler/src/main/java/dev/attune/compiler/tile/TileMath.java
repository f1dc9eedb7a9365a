package dev.attune.compiler.tile;

import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.Eval;
import dev.attune.compiler.spec.Expr;
import java.util.Arrays;
import java.util.Optional;
import java.util.function.DoubleBinaryOperator;

/** The operations whose results are tiles. */
final class TileMath {
  private final Values values;
  private final Place place;

  TileMath(Values values, Place place) {
    this.values = values;
    this.place = place;
  }

  static Data filled(Type type, double value) {
    double[] out =
        new double
            [switch (type) {
              case Type.Tile(int rows, int cols, Type.Element e) -> rows * cols;
              case Type.Row(int rows, boolean partial) -> partial ? rows * Data.LANES : rows;
              case Type.Int i -> 0;
            }];
    Arrays.fill(out, value);
    return switch (type) {
      case Type.Tile(int rows, int cols, Type.Element e) -> new Data.Matrix(rows, cols, out);
      case Type.Row(int rows, boolean partial) -> partial ? new Data.Lanes(out) : new Data.Row(out);
      case Type.Int i -> new Data.Int((long) value);
    };
  }

  void copy(Op.Copy o) {
    Data.Matrix in = values.matrix(o.in());
    values.put(o.out(), new Data.Matrix(in.rows(), in.cols(), in.elements().clone()));
  }

  Data.Matrix dot(
      Data.Matrix a, Data.Matrix b, boolean transposeB, Optional<Data.Matrix> accumulate) {
    int cols = transposeB ? b.rows() : b.cols();
    double[] out =
        accumulate.map(c -> c.elements().clone()).orElseGet(() -> new double[a.rows() * cols]);
    double[] right = transposeB ? transposed(b) : b.elements();
    for (int r = 0; r < a.rows(); r++) {
      for (int i = 0; i < a.cols(); i++) {
        double left = a.elements()[r * a.cols() + i];
        // Each element adds its products in order; the elements of a row side by side.
        if (place.rounding()) {
          for (int c = 0; c < cols; c++) {
            out[r * cols + c] = (float) (out[r * cols + c] + left * right[i * cols + c]);
          }
        } else {
          for (int c = 0; c < cols; c++) {
            out[r * cols + c] += left * right[i * cols + c];
          }
        }
      }
    }
    return new Data.Matrix(a.rows(), cols, out);
  }

  private static double[] transposed(Data.Matrix m) {
    double[] out = new double[m.elements().length];
    for (int r = 0; r < m.rows(); r++) {
      for (int c = 0; c < m.cols(); c++) {
        out[c * m.rows() + r] = m.elements()[r * m.cols() + c];
      }
    }
    return out;
  }

  void map(Op.Map o) {
    Expr expr = o.expr().expr();
    positions(
        o.out(), o.in(), o.index(), (eval, key, score) -> place.f32(eval.score(score).real(expr)));
  }

  void mask(Op.Mask o) {
    Expr predicate = o.predicate().expr();
    positions(
        o.out(),
        o.in(),
        o.index(),
        (eval, key, score) -> key < place.keys() && eval.bool(predicate) ? score : o.otherwise());
  }

  void limit(Op.Limit o) {
    positions(
        o.out(),
        o.in(),
        o.index(),
        (eval, key, score) ->
            key < place.keys()
                    && o.first().stream().allMatch(c -> key >= eval.integer(c.expr()))
                    && o.last().stream().allMatch(c -> key <= eval.integer(c.expr()))
                ? score
                : o.otherwise());
  }

  /** What becomes of an element of a tile of scores. */
  private interface Positioned {
    double at(Eval eval, int key, double score);
  }

  private void positions(Value out, Value in, Value index, Positioned f) {
    Data.Matrix scores = values.matrix(in);
    double[] results = new double[scores.elements().length];
    int firstKey = Math.toIntExact(place.kvTile(values.integer(index)) * scores.cols());
    for (int i = 0; i < results.length; i++) {
      int key = firstKey + i % scores.cols();
      Eval eval = place.at(i / scores.cols(), key);
      results[i] = f.at(eval, key, scores.elements()[i]);
    }
    values.put(out, new Data.Matrix(scores.rows(), scores.cols(), results));
  }

  void scaleRows(Op.ScaleRows o) {
    rows(o.out(), o.in(), o.row(), (x, scale) -> place.f32(x * scale));
  }

  void normalize(Op.Normalize o) {
    rows(o.out(), o.in(), o.sum(), (x, sum) -> sum == 0 ? 0 : place.f32(x / sum));
  }

  void exp2(Op.Exp2 o) {
    double factor = place.uniform(o.factor());
    rows(
        o.out(),
        o.in(),
        o.max(),
        o.guarded()
            ? (x, max) -> weight(place, factor * x, max)
            : (x, max) -> place.f32(Math.pow(2, place.f32(factor * x - max))));
  }

  void weigh(Op.Weigh o) {
    map(new Op.Map(o.out(), o.in(), o.expr(), o.index()));
    exp2(new Op.Exp2(o.out(), o.out(), o.factor(), o.max(), false));
  }

  /** exp2(x − max), with 0 in place of an infinite max. */
  static double weight(Place place, double x, double max) {
    return place.f32(Math.pow(2, place.f32(x - (Double.isInfinite(max) ? 0 : max))));
  }

  private void rows(Value out, Value in, Value row, DoubleBinaryOperator f) {
    Data.Matrix m = values.matrix(in);
    double[] perRow = values.row(row);
    double[] results = new double[m.elements().length];
    Arrays.setAll(results, i -> f.applyAsDouble(m.elements()[i], perRow[i / m.cols()]));
    values.put(out, new Data.Matrix(m.rows(), m.cols(), results));
  }

  void cast(Op.Cast o) {
    Data.Matrix in = values.matrix(o.in());
    Dtype dtype = place.kernel().dtype();
    double[] out = in.elements().clone();
    if (place.rounding()) {
      Arrays.setAll(out, i -> dtype.round((float) out[i]));
    }
    values.put(o.out(), new Data.Matrix(in.rows(), in.cols(), out));
  }
}
