package dev.attune.compiler.tile;

import dev.attune.compiler.spec.Clause;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.Eval;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.NdArray;
import dev.attune.compiler.spec.Operand;
import dev.attune.compiler.spec.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.DoubleBinaryOperator;
import java.util.function.DoubleUnaryOperator;

/** One CTA of a run: a value of every name, and the channels. */
final class Cta {
  private static final double LOG2_E = 1 / Math.log(2);
  private static final double LN_2 = Math.log(2);
  // Of the lanes that share a row, lane i holds the columns c with c % 8 / 2 = i.
  private static final int LANES = 4;

  /** What a name stands for. */
  private sealed interface Data {
    record Int(long value) implements Data {}

    /** Row-major elements. */
    @SuppressWarnings("ArrayRecordComponent")
    record Matrix(int rows, int cols, double[] elements) implements Data {}

    /** One value per row. */
    @SuppressWarnings("ArrayRecordComponent")
    record Row(double[] values) implements Data {}

    /** One value per row and lane: row r's are at [r·LANES, (r + 1)·LANES). */
    @SuppressWarnings("ArrayRecordComponent")
    record Lanes(double[] values) implements Data {}
  }

  private final TileInterpreter.Problem problem;
  private final TileKernel kernel;
  private final Shape shape;
  private final int batch;
  private final int head;
  private final int qTile;
  private final SplittableRandom random;
  private final Eval eval;
  private final Map<Value, Data> values = new HashMap<>();
  private final Map<Channel, Ring> rings = new LinkedHashMap<>();
  private final Map<Op.Phase, Long> tiles = new EnumMap<>(Op.Phase.class);

  Cta(TileInterpreter.Problem problem, int batch, int head, int qTile, SplittableRandom random) {
    this.problem = problem;
    this.kernel = problem.kernel();
    this.shape = problem.bindings().shape();
    this.batch = batch;
    this.head = head;
    this.qTile = qTile;
    this.random = random;
    this.eval = new Eval(problem.bindings());
  }

  /** Runs the body; the kv tiles visited, by their phase. */
  Map<Op.Phase, Long> run() {
    int first = qTile * kernel.rows();
    eval.bind(TileKernel.Q_FIRST, first);
    eval.bind(TileKernel.Q_LAST, Math.min(first + kernel.rows(), shape.seq()) - 1);
    values.put(kernel.qTile(), new Data.Int(qTile));
    kernel.body().forEach(this::step);
    rings.values().forEach(ring -> ring.requireEmpty("kernel " + kernel.spec().name()));
    return tiles;
  }

  private void step(Op op) {
    switch (op) {
      case Op.Scalar o ->
          values.put(o.out(), new Data.Int(eval.at(batch, head, 0, 0).integer(o.expr())));
      case Op.Load o -> values.put(o.out(), load(o.operand(), o.out().tile(), integer(o.index())));
      case Op.Put o -> {
        long index = integer(o.index()) + o.ahead();
        if (o.end().isEmpty() || index < integer(o.end().get())) {
          Channel c = o.channel();
          ring(c).put(op, load(c.operand(), c.type(), index).elements());
        }
      }
      case Op.Get o -> {
        Type.Tile type = o.channel().type();
        values.put(o.out(), new Data.Matrix(type.rows(), type.cols(), ring(o.channel()).get(op)));
      }
      case Op.Release o -> ring(o.channel()).release(op);
      case Op.Fill o -> values.put(o.out(), filled(o.out().type(), o.value()));
      case Op.Dot o -> values.put(o.out(), dot(o));
      case Op.Map o ->
          positions(o.out(), o.in(), o.index(), s -> f32(eval.score(s).real(o.expr().expr())));
      case Op.Mask o ->
          positions(
              o.out(),
              o.in(),
              o.index(),
              s -> key < shape.kvSeq() && eval.bool(o.predicate().expr()) ? s : o.otherwise());
      case Op.RowMax o -> {
        Data.Matrix in = matrix(o.in());
        double factor = uniform(o.factor());
        double[] out = row(o.floor()).clone();
        for (int r = 0; r < in.rows(); r++) {
          double largest = Double.NEGATIVE_INFINITY;
          for (int c = 0; c < in.cols(); c++) {
            largest = Math.max(largest, in.elements()[r * in.cols() + c]);
          }
          out[r] = Math.max(out[r], f32(factor * largest));
        }
        values.put(o.out(), new Data.Row(out));
      }
      case Op.Rescale o -> rescale(o);
      case Op.ScaleRows o -> rows(o.out(), o.in(), o.row(), (x, scale) -> f32(x * scale));
      case Op.Exp2 o -> {
        double factor = uniform(o.factor());
        rows(
            o.out(),
            o.in(),
            o.max(),
            o.guarded()
                ? (x, max) -> weight(factor * x, max)
                : (x, max) -> f32(Math.pow(2, f32(factor * x - max))));
      }
      case Op.RowSum o -> rowSum(o);
      case Op.ReduceRow o -> {
        double[] lanes = lanes(o.in());
        double[] out = new double[lanes.length / LANES];
        for (int i = 0; i < lanes.length; i++) {
          out[i / LANES] = f32(out[i / LANES] + lanes[i]);
        }
        values.put(o.out(), new Data.Row(out));
      }
      case Op.Cast o -> {
        Data.Matrix in = matrix(o.in());
        Dtype dtype = kernel.dtype();
        double[] out = in.elements().clone();
        if (problem.rounding()) {
          Arrays.setAll(out, i -> dtype.round((float) out[i]));
        }
        values.put(o.out(), new Data.Matrix(in.rows(), in.cols(), out));
      }
      case Op.Sink o -> sink(o);
      case Op.Normalize o ->
          rows(o.out(), o.in(), o.sum(), (x, sum) -> sum == 0 ? 0 : f32(x / sum));
      case Op.LogSumExp o ->
          combine(
              o.out(),
              o.max(),
              o.sum(),
              (max, sum) ->
                  sum == 0 ? Double.NEGATIVE_INFINITY : f32((max + Math.log(sum) * LOG2_E) * LN_2));
      case Op.NaturalUnits o -> combine(o.out(), o.in(), o.in(), (max, same) -> f32(max * LN_2));
      case Op.Store o -> {
        Data.Matrix in = matrix(o.in());
        for (int r = 0; r < rowsInside(); r++) {
          int to = ((batch * shape.seq() + position(r)) * shape.heads() + head) * in.cols();
          System.arraycopy(in.elements(), r * in.cols(), problem.o(), to, in.cols());
        }
      }
      case Op.StoreRow o -> {
        double[] out = o.operand() == Operand.LSE ? problem.lse() : problem.maxScore();
        int to = (batch * shape.heads() + head) * shape.seq() + qTile * kernel.rows();
        System.arraycopy(row(o.in()), 0, out, to, rowsInside());
      }
      case Op.Copy o -> throw new UnsupportedOperationException();
      case Op.Issue o -> throw new UnsupportedOperationException();
      case Op.Await o -> throw new UnsupportedOperationException();
      case Op.Limit o -> throw new UnsupportedOperationException();
      case Op.Roles o -> throw new UnsupportedOperationException();
      case Op.ForItems o -> throw new UnsupportedOperationException();
      case Op.Claim o -> throw new UnsupportedOperationException();
      case Op.For o -> loop(o);
    }
  }

  private void loop(Op.For loop) {
    loop.carried().forEach(c -> values.put(c.param(), value(c.init())));
    long to = integer(loop.to());
    for (long index = integer(loop.from()); index < to; index++) {
      tiles.merge(loop.phase(), 1L, Long::sum);
      values.put(loop.index(), new Data.Int(index));
      loop.body().forEach(this::step);
      List<Data> yields = new ArrayList<>(loop.yields().stream().map(this::value).toList());
      for (int i = 0; i < yields.size(); i++) {
        values.put(loop.carried().get(i).param(), yields.get(i));
      }
    }
    loop.carried().forEach(c -> values.put(c.result(), value(c.param())));
  }

  private Data.Matrix load(Operand operand, Type.Tile type, long index) {
    int kvHead = head / shape.group();
    return switch (operand) {
      case Q -> load(problem.q(), type, index, shape.seq(), shape.heads(), head);
      case K -> load(problem.k(), type, index, shape.kvSeq(), shape.kvHeads(), kvHead);
      case V -> load(problem.v(), type, index, shape.kvSeq(), shape.kvHeads(), kvHead);
      case O, LSE, MAX_SCORE -> throw new IllegalArgumentException(operand + " is an output");
    };
  }

  private Data.Matrix load(
      NdArray from, Type.Tile type, long index, int seq, int heads, int ofHead) {
    double[] out = new double[type.rows() * type.cols()];
    for (int r = 0; r < type.rows(); r++) {
      long position = index * type.rows() + r;
      if (position >= seq) {
        break; // Rows past the end stay zeros.
      }
      int at = (int) ((batch * (long) seq + position) * heads + ofHead) * type.cols();
      for (int c = 0; c < type.cols(); c++) {
        out[r * type.cols() + c] = from.floats()[at + c];
      }
    }
    return new Data.Matrix(type.rows(), type.cols(), out);
  }

  private static Data filled(Type type, double value) {
    double[] out =
        new double
            [switch (type) {
              case Type.Tile(int rows, int cols, Type.Element e) -> rows * cols;
              case Type.Row(int rows, boolean partial) -> partial ? rows * LANES : rows;
              case Type.Int i -> 0;
            }];
    Arrays.fill(out, value);
    return switch (type) {
      case Type.Tile(int rows, int cols, Type.Element e) -> new Data.Matrix(rows, cols, out);
      case Type.Row(int rows, boolean partial) -> partial ? new Data.Lanes(out) : new Data.Row(out);
      case Type.Int i -> new Data.Int((long) value);
    };
  }

  private Data.Matrix dot(Op.Dot o) {
    Data.Matrix a = matrix(o.a());
    Data.Matrix b = matrix(o.b());
    int cols = o.transposeB() ? b.rows() : b.cols();
    double[] out =
        o.accumulate()
            .map(c -> matrix(c).elements().clone())
            .orElseGet(() -> new double[a.rows() * cols]);
    double[] right = o.transposeB() ? transposed(b) : b.elements();
    for (int r = 0; r < a.rows(); r++) {
      for (int i = 0; i < a.cols(); i++) {
        double left = a.elements()[r * a.cols() + i];
        // Each element adds its products in order; the elements of a row side by side.
        if (problem.rounding()) {
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

  // The key position of the element that `positions` is at.
  private int key;

  /** A function of every element of a tile of scores, with {@link #eval} at its position. */
  private void positions(Value out, Value in, Value index, DoubleUnaryOperator f) {
    Data.Matrix scores = matrix(in);
    double[] results = new double[scores.elements().length];
    int firstKey = Math.toIntExact(integer(index) * kernel.cols());
    for (int i = 0; i < results.length; i++) {
      key = firstKey + i % scores.cols();
      eval.at(batch, head, position(i / scores.cols()), key);
      results[i] = f.applyAsDouble(scores.elements()[i]);
    }
    values.put(out, new Data.Matrix(scores.rows(), scores.cols(), results));
  }

  private void rescale(Op.Rescale o) {
    double[] oldMax = row(o.oldMax());
    double[] newMax = row(o.newMax());
    double[] max = new double[oldMax.length];
    double[] alpha = new double[oldMax.length];
    for (int r = 0; r < max.length; r++) {
      max[r] =
          switch (o.rule()) {
            case Op.Rule.Always() -> newMax[r];
            case Op.Rule.Lazy(int threshold) ->
                newMax[r] - oldMax[r] > threshold ? newMax[r] : oldMax[r];
          };
      alpha[r] = max[r] == oldMax[r] ? 1 : f32(Math.pow(2, oldMax[r] - max[r]));
    }
    values.put(o.max(), new Data.Row(max));
    values.put(o.alpha(), new Data.Row(alpha));
    values.put(o.sumOut(), scaled(o.sum(), alpha));
  }

  private Data scaled(Value sum, double[] alpha) {
    Data data = value(sum);
    double[] out = data instanceof Data.Lanes(double[] v) ? v.clone() : row(sum).clone();
    int perRow = out.length / alpha.length;
    Arrays.setAll(out, i -> f32(out[i] * alpha[i / perRow]));
    return data instanceof Data.Lanes ? new Data.Lanes(out) : new Data.Row(out);
  }

  private void rowSum(Op.RowSum o) {
    Data.Matrix in = matrix(o.in());
    Data initial = value(o.initial());
    boolean partial = initial instanceof Data.Lanes;
    double[] out = partial ? lanes(o.initial()).clone() : row(o.initial()).clone();
    for (int i = 0; i < in.elements().length; i++) {
      int r = i / in.cols();
      int at = partial ? r * LANES + i % in.cols() % 8 / 2 : r;
      out[at] = f32(out[at] + in.elements()[i]);
    }
    values.put(o.out(), partial ? new Data.Lanes(out) : new Data.Row(out));
  }

  private void sink(Op.Sink o) {
    double[] max = row(o.max());
    double[] sum = row(o.sum());
    double[] maxOut = new double[max.length];
    double[] sumOut = new double[max.length];
    double[] alpha = new double[max.length];
    Clause clause = o.sink();
    for (int r = 0; r < max.length; r++) {
      double logit = f32(eval.at(batch, head, position(r), 0).real(clause.expr()) * LOG2_E);
      maxOut[r] = Math.max(max[r], logit);
      alpha[r] = maxOut[r] == max[r] ? 1 : f32(Math.pow(2, max[r] - maxOut[r]));
      sumOut[r] = f32(sum[r] * alpha[r] + weight(logit, maxOut[r]));
    }
    values.put(o.maxOut(), new Data.Row(maxOut));
    values.put(o.sumOut(), new Data.Row(sumOut));
    values.put(o.alpha(), new Data.Row(alpha));
  }

  /** exp2(x − max), with 0 in place of an infinite max. */
  private double weight(double x, double max) {
    return f32(Math.pow(2, f32(x - (Double.isInfinite(max) ? 0 : max))));
  }

  private void rows(Value out, Value in, Value row, DoubleBinaryOperator f) {
    Data.Matrix m = matrix(in);
    double[] perRow = row(row);
    double[] results = new double[m.elements().length];
    Arrays.setAll(results, i -> f.applyAsDouble(m.elements()[i], perRow[i / m.cols()]));
    values.put(out, new Data.Matrix(m.rows(), m.cols(), results));
  }

  private void combine(Value out, Value a, Value b, DoubleBinaryOperator f) {
    double[] x = row(a);
    double[] y = row(b);
    double[] results = new double[x.length];
    Arrays.setAll(results, r -> f.applyAsDouble(x[r], y[r]));
    values.put(out, new Data.Row(results));
  }

  private double uniform(Expr factor) {
    return f32(eval.at(batch, head, 0, 0).real(factor));
  }

  private double f32(double x) {
    return problem.rounding() ? (float) x : x;
  }

  private int position(int row) {
    return qTile * kernel.rows() + row;
  }

  private int rowsInside() {
    return Math.min(kernel.rows(), shape.seq() - qTile * kernel.rows());
  }

  private Ring ring(Channel channel) {
    return rings.computeIfAbsent(channel, c -> new Ring(c, random.split()));
  }

  private Data value(Value value) {
    Data data = values.get(value);
    if (data == null) {
      throw new IllegalStateException(value + " is read before it is defined");
    }
    return data;
  }

  private long integer(Value value) {
    return as(Data.Int.class, value).value();
  }

  private Data.Matrix matrix(Value value) {
    return as(Data.Matrix.class, value);
  }

  private double[] row(Value value) {
    return as(Data.Row.class, value).values();
  }

  private double[] lanes(Value value) {
    return as(Data.Lanes.class, value).values();
  }

  private <T extends Data> T as(Class<T> type, Value value) {
    Data data = value(value);
    if (!type.isInstance(data)) {
      throw new IllegalStateException(
          "%s is %s, but read as a %s".formatted(value, value.type(), type.getSimpleName()));
    }
    return type.cast(data);
  }
}
