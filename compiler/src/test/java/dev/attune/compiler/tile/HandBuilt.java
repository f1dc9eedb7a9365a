package dev.attune.compiler.tile;

import static dev.attune.compiler.spec.Exprs.add;
import static dev.attune.compiler.spec.Exprs.min;
import static dev.attune.compiler.spec.Exprs.mul;
import static dev.attune.compiler.spec.Exprs.of;

import dev.attune.compiler.schedule.Batching;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.BinaryOp;
import dev.attune.compiler.spec.Clause;
import dev.attune.compiler.spec.CompareOp;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Extent;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.compiler.spec.Normalization;
import dev.attune.compiler.spec.Operand;
import dev.attune.compiler.spec.Origin;
import dev.attune.compiler.spec.Output;
import dev.attune.compiler.spec.Position;
import dev.attune.compiler.spec.ScalarType;
import dev.attune.compiler.spec.TensorDecl;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.UnaryOperator;

/**
 * A kernel written by hand, so that what is tested here does not depend on the lowering: causal
 * with a sink, two phases, channels of two stages, lazy rescaling and partial sums.
 */
final class HandBuilt {
  static final int ROWS = 32;
  static final int COLS = 16;
  static final HeadDim DIM = new HeadDim(24, 8);

  static final Expr Q = new Expr.At(Position.Q);
  static final Expr KV = new Expr.At(Position.KV);
  static final Expr SCALED = mul(new Expr.Score(), new Expr.Scale());

  private HandBuilt() {}

  static AttentionSpec spec() {
    return new AttentionSpec(
        "causal_sink",
        new Origin("causal_sink.attn", 1),
        List.of(),
        List.of(
            new TensorDecl(
                "sinks",
                ScalarType.FLOAT,
                List.of(new Expr.Size(Extent.HQ)),
                false,
                Optional.empty(),
                false,
                new Origin("causal_sink.attn", 2))),
        new Clause(SCALED, new Origin("causal_sink.attn", 0)),
        new Clause(new Expr.Compare(CompareOp.LE, KV, Q), new Origin("causal_sink.attn", 3)),
        new Normalization.Softmax(
            Optional.of(
                new Clause(
                    new Expr.Gather("sinks", ScalarType.FLOAT, List.of(new Expr.At(Position.H))),
                    new Origin("causal_sink.attn", 4)))),
        Set.of(Output.LSE),
        Optional.empty(),
        Optional.empty(),
        List.of());
  }

  static Value integer(String name) {
    return new Value(name, new Type.Int());
  }

  static Value row(String name) {
    return new Value(name, new Type.Row(ROWS, false));
  }

  static Value lanes(String name) {
    return new Value(name, new Type.Row(ROWS, true));
  }

  static Value tile(String name, int rows, int cols) {
    return new Value(name, new Type.Tile(rows, cols, Type.Element.F32));
  }

  static Value half(String name, int rows, int cols) {
    return new Value(name, new Type.Tile(rows, cols, Type.Element.HALF));
  }

  static Channel keys(int stages) {
    return new Channel("K", Operand.K, new Type.Tile(COLS, DIM.qk(), Type.Element.HALF), stages);
  }

  static Channel values(int stages) {
    return new Channel("V", Operand.V, new Type.Tile(COLS, DIM.v(), Type.Element.HALF), stages);
  }

  /** The kernel. */
  static TileKernel kernel() {
    return changed(UnaryOperator.identity());
  }

  /** The kernel with every operation of its loops replaced. */
  static TileKernel changed(UnaryOperator<Op> inLoops) {
    Value i = integer("i");
    Value from = integer("from");
    Value bulkTo = integer("bulkTo");
    Value to = integer("to");
    Value q = half("Q", ROWS, DIM.qk());
    Channel k = keys(2);
    Channel v = values(2);
    Optional<Value> end = Optional.of(to);
    Expr keysSeen = min(new Expr.Size(Extent.SKV), add(TileKernel.Q_LAST, of(1L)));
    Expr keysFull = min(new Expr.Size(Extent.SKV), add(TileKernel.Q_FIRST, of(1L)));
    Value normal = tile("N", ROWS, DIM.v());
    Value out = half("OH", ROWS, DIM.v());
    return new TileKernel(
        spec(),
        Dtype.BF16,
        DIM,
        ROWS,
        COLS,
        false,
        Batching.DENSE,
        i,
        TileKernel.Order.DESCENDING,
        Optional.empty(),
        List.of(
            new Op.Scalar(from, of(0L)),
            new Op.Scalar(bulkTo, floorDiv(keysFull, COLS)),
            new Op.Scalar(to, floorDiv(add(keysSeen, of(COLS - 1L)), COLS)),
            new Op.Load(q, Operand.Q, i),
            new Op.Put(k, from, 0, end),
            new Op.Put(v, from, 0, end),
            new Op.Fill(row("m0"), Double.NEGATIVE_INFINITY),
            new Op.Fill(lanes("l0"), 0),
            new Op.Fill(tile("O0", ROWS, DIM.v()), 0),
            loop(Op.Phase.BULK, "b", from, bulkTo, "0", "1", to, inLoops),
            loop(Op.Phase.MASKED, "c", bulkTo, to, "1", "2", to, inLoops),
            new Op.ReduceRow(row("l"), lanes("l2")),
            new Op.Sink(
                row("mS"),
                row("lS"),
                row("aS"),
                row("m2"),
                row("l"),
                ((Normalization.Softmax) spec().normalization()).sink().orElseThrow()),
            new Op.ScaleRows(tile("OS", ROWS, DIM.v()), tile("O2", ROWS, DIM.v()), row("aS")),
            new Op.Normalize(normal, tile("OS", ROWS, DIM.v()), row("lS")),
            new Op.Cast(out, normal),
            new Op.Store(Operand.O, out),
            new Op.LogSumExp(row("lse"), row("mS"), row("lS")),
            new Op.StoreRow(Operand.LSE, row("lse"))));
  }

  private static Op loop(
      Op.Phase phase,
      String x,
      Value from,
      Value to,
      String before,
      String after,
      Value end,
      UnaryOperator<Op> change) {
    Value j = integer("j" + x);
    Channel keyTiles = keys(2);
    Channel valueTiles = values(2);
    Value k = half("K" + x, COLS, DIM.qk());
    Value v = half("V" + x, COLS, DIM.v());
    Value s = tile("S" + x, ROWS, COLS);
    Value scaled = tile("T" + x, ROWS, COLS);
    boolean masked = phase == Op.Phase.MASKED;
    Value live = masked ? tile("L" + x, ROWS, COLS) : scaled;
    Value weights = tile("P" + x, ROWS, COLS);
    Value rounded = half("H" + x, ROWS, COLS);
    Value highest = row("h" + x);
    Value o = tile("O" + x, ROWS, DIM.v());
    Value o1 = tile("Oscaled" + x, ROWS, DIM.v());
    Value o2 = tile("Onext" + x, ROWS, DIM.v());
    Expr one = of(1.0);
    List<Op> body =
        List.of(
            new Op.Get(k, keyTiles),
            new Op.Put(keyTiles, j, 1, Optional.of(end)),
            new Op.Dot(s, half("Q", ROWS, DIM.qk()), k, true, Optional.empty()),
            new Op.Release(keyTiles),
            new Op.Map(
                scaled, s, new Clause(mul(SCALED, of(Lowering.LOG2E)), spec().score().origin()), j),
            new Op.Mask(live, scaled, spec().mask(), Double.NEGATIVE_INFINITY, j),
            new Op.RowMax(highest, live, one, row("m" + x)),
            new Op.Rescale(
                row("mnext" + x),
                lanes("lscaled" + x),
                row("a" + x),
                row("m" + x),
                highest,
                lanes("l" + x),
                new Op.Rule.Lazy(2)),
            new Op.Exp2(weights, live, one, row("mnext" + x), masked),
            new Op.RowSum(lanes("lnext" + x), weights, lanes("lscaled" + x)),
            new Op.ScaleRows(o1, o, row("a" + x)),
            new Op.Cast(rounded, weights),
            new Op.Get(v, valueTiles),
            new Op.Put(valueTiles, j, 1, Optional.of(end)),
            new Op.Dot(o2, rounded, v, false, Optional.of(o1)),
            new Op.Release(valueTiles));
    return new Op.For(
        phase,
        j,
        from,
        to,
        List.of(
            new Op.Carried(row("m" + x), row("m" + before), row("m" + after)),
            new Op.Carried(lanes("l" + x), lanes("l" + before), lanes("l" + after)),
            new Op.Carried(o, tile("O" + before, ROWS, DIM.v()), tile("O" + after, ROWS, DIM.v()))),
        body.stream().filter(op -> masked || !(op instanceof Op.Mask)).map(change).toList(),
        List.of(row("mnext" + x), lanes("lnext" + x), o2));
  }

  private static Expr floorDiv(Expr a, long n) {
    return new Expr.Binary(BinaryOp.FLOOR_DIV, a, of(n));
  }
}
