package dev.attune.compiler.tile;

import dev.attune.compiler.analysis.KvBounds;
import dev.attune.compiler.analysis.KvTiles;
import dev.attune.compiler.schedule.Batching;
import dev.attune.compiler.schedule.Schedule;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Clause;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.compiler.spec.Normalization;
import dev.attune.compiler.spec.Operand;
import dev.attune.compiler.spec.Output;
import dev.attune.compiler.spec.Position;
import dev.attune.compiler.tile.Op.Carried;
import dev.attune.compiler.tile.Op.Phase;
import dev.attune.compiler.tile.Type.Element;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The forward pass as an algorithm over tiles: the online softmax (Milakov and Gimelshein 2018; Dao
 * et al. 2022) in one loop over the kv tiles that the mask can touch, every tile masked, every load
 * where its value is used. The passes make it fast.
 */
public final class Lowering {
  /** log₂ e: scores are taken to the exp2 domain by it. */
  public static final double LOG2E = 1.4426950408889634;

  private static final Expr ONE = new Expr.FloatConst(1);

  private final AttentionSpec spec;
  private final HeadDim dim;
  private final int rows;
  private final int cols;
  private final List<Op> body = new ArrayList<>();

  private Lowering(AttentionSpec spec, HeadDim dim, Schedule schedule) {
    this.spec = spec;
    this.dim = dim;
    this.rows = schedule.rows();
    this.cols = schedule.cols();
  }

  /** The forward kernel of a spec under a schedule's tile sizes. */
  public static TileKernel forward(
      AttentionSpec spec, Dtype dtype, HeadDim headDim, Schedule schedule) {
    return new Lowering(spec, headDim, schedule).run(dtype);
  }

  private TileKernel run(Dtype dtype) {
    KvBounds bounds = KvBounds.withoutSearch(spec);
    Value qTile = integer("i");
    Value from = integer("from");
    Value to = integer("to");
    KvTiles tiles = KvTiles.of(spec, rows, cols);
    body.add(new Op.Scalar(from, tiles.from()));
    body.add(new Op.Scalar(to, tiles.to()));
    Value query = half("Q", rows, dim.qk());
    body.add(new Op.Load(query, Operand.Q, qTile));
    switch (spec.normalization()) {
      case Normalization.Softmax softmax -> softmax(softmax, query, from, to);
      case Normalization.Weight weight -> weighted(weight, query, from, to);
    }
    boolean laterRowsSeeMore =
        bounds.visitLast().filter(e -> Exprs.uses(e, x -> x.equals(TileKernel.Q_LAST))).isPresent();
    TileKernel.Order order =
        laterRowsSeeMore ? TileKernel.Order.DESCENDING : TileKernel.Order.ASCENDING;
    return new TileKernel(
        spec, dtype, dim, rows, cols, false, Batching.DENSE, qTile, order, tiles.tested(), body);
  }

  private void softmax(Normalization.Softmax softmax, Value query, Value from, Value to) {
    Value m0 = row("m0");
    Value l0 = row("l0");
    Value o0 = tile("O0", rows, dim.v());
    body.add(new Op.Fill(m0, Double.NEGATIVE_INFINITY));
    body.add(new Op.Fill(l0, 0));
    body.add(new Op.Fill(o0, 0));

    List<Op> loop = new ArrayList<>();
    Value j = integer("j");
    Value m = row("m");
    Value l = row("l");
    Value o = tile("O", rows, dim.v());
    Value scores = scores(loop, query, j);
    Value scaled = tile("T", rows, cols);
    loop.add(new Op.Map(scaled, scores, inExp2Domain(spec.score()), j));
    Value live = tile("L", rows, cols);
    loop.add(new Op.Mask(live, scaled, spec.mask(), Double.NEGATIVE_INFINITY, j));
    Value highest = row("h");
    loop.add(new Op.RowMax(highest, live, ONE, m));
    Value m1 = row("m1");
    Value l1 = row("l1");
    Value alpha = row("a");
    loop.add(new Op.Rescale(m1, l1, alpha, m, highest, l, new Op.Rule.Always()));
    Value o1 = tile("O1", rows, dim.v());
    loop.add(new Op.ScaleRows(o1, o, alpha));
    Value weights = tile("P", rows, cols);
    loop.add(new Op.Exp2(weights, live, ONE, m1, true));
    Value l2 = row("l2");
    loop.add(new Op.RowSum(l2, weights, l1));
    Value rounded = rounded(loop, weights);
    Value o2 = accumulate(loop, rounded, j, o1);

    Value mEnd = row("mEnd");
    Value lEnd = row("lEnd");
    Value oEnd = tile("OEnd", rows, dim.v());
    body.add(
        new Op.For(
            Phase.MASKED,
            j,
            from,
            to,
            List.of(new Carried(m, m0, mEnd), new Carried(l, l0, lEnd), new Carried(o, o0, oEnd)),
            loop,
            List.of(m1, l2, o2)));

    Value maximum = mEnd;
    Value sum = lEnd;
    Value output = oEnd;
    if (softmax.sink().isPresent()) {
      Value mSink = row("mSink");
      Value lSink = row("lSink");
      Value aSink = row("aSink");
      body.add(new Op.Sink(mSink, lSink, aSink, mEnd, lEnd, softmax.sink().get()));
      output = tile("OSink", rows, dim.v());
      body.add(new Op.ScaleRows(output, oEnd, aSink));
      maximum = mSink;
      sum = lSink;
    }
    Value normal = tile("N", rows, dim.v());
    body.add(new Op.Normalize(normal, output, sum));
    store(normal);
    Value lse = row("lse");
    body.add(new Op.LogSumExp(lse, maximum, sum));
    body.add(new Op.StoreRow(Operand.LSE, lse));
    if (spec.outputs().contains(Output.MAX_SCORE)) {
      Value score = row("maxScore");
      body.add(new Op.NaturalUnits(score, mEnd));
      body.add(new Op.StoreRow(Operand.MAX_SCORE, score));
    }
  }

  private void weighted(Normalization.Weight weight, Value query, Value from, Value to) {
    Value o0 = tile("O0", rows, dim.v());
    body.add(new Op.Fill(o0, 0));
    List<Op> loop = new ArrayList<>();
    Value j = integer("j");
    Value o = tile("O", rows, dim.v());
    Value scores = scores(loop, query, j);
    Value weights = tile("W", rows, cols);
    loop.add(new Op.Map(weights, scores, weight.weight(), j));
    Value live = tile("P", rows, cols);
    loop.add(new Op.Mask(live, weights, spec.mask(), 0, j));
    Value o1 = accumulate(loop, rounded(loop, live), j, o);
    Value oEnd = tile("OEnd", rows, dim.v());
    body.add(
        new Op.For(
            Phase.MASKED, j, from, to, List.of(new Carried(o, o0, oEnd)), loop, List.of(o1)));
    store(oEnd);
  }

  private Value scores(List<Op> loop, Value query, Value j) {
    Value key = half("K", cols, dim.qk());
    loop.add(new Op.Load(key, Operand.K, j));
    Value scores = tile("S", rows, cols);
    loop.add(new Op.Dot(scores, query, key, true, Optional.empty()));
    return scores;
  }

  private Value rounded(List<Op> loop, Value weights) {
    Value rounded = half("PH", rows, cols);
    loop.add(new Op.Cast(rounded, weights));
    return rounded;
  }

  private Value accumulate(List<Op> loop, Value weights, Value j, Value into) {
    Value value = half("V", cols, dim.v());
    loop.add(new Op.Load(value, Operand.V, j));
    Value sum = tile("O2", rows, dim.v());
    loop.add(new Op.Dot(sum, weights, value, false, Optional.of(into)));
    return sum;
  }

  private void store(Value output) {
    Value rounded = half("OH", rows, dim.v());
    body.add(new Op.Cast(rounded, output));
    body.add(new Op.Store(Operand.O, rounded));
  }

  private static Clause inExp2Domain(Clause score) {
    return new Clause(Exprs.mul(score.expr(), Exprs.of(LOG2E)), score.origin());
  }

  private static Value integer(String name) {
    return new Value(name, new Type.Int());
  }

  private Value row(String name) {
    return new Value(name, new Type.Row(rows, false));
  }

  private static Value tile(String name, int rows, int cols) {
    return new Value(name, new Type.Tile(rows, cols, Element.F32));
  }

  private static Value half(String name, int rows, int cols) {
    return new Value(name, new Type.Tile(rows, cols, Element.HALF));
  }

  /** Whether an expression is the same for every element that a CTA computes. */
  public static boolean uniform(Expr e) {
    return !Exprs.uses(e, x -> x instanceof Expr.Score)
        && !Exprs.uses(e, Position.Q)
        && !Exprs.uses(e, Position.KV);
  }
}
