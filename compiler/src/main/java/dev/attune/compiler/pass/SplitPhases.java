package dev.attune.compiler.pass;

import dev.attune.compiler.analysis.FullKeys;
import dev.attune.compiler.analysis.KvBounds;
import dev.attune.compiler.spec.BinaryOp;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.Extent;
import dev.attune.compiler.spec.Simplify;
import dev.attune.compiler.tile.Op;
import dev.attune.compiler.tile.Op.Carried;
import dev.attune.compiler.tile.Op.Phase;
import dev.attune.compiler.tile.Ops;
import dev.attune.compiler.tile.TileKernel;
import dev.attune.compiler.tile.Type;
import dev.attune.compiler.tile.Value;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;

/**
 * The loop over kv tiles becomes up to three, over contiguous ranges: masked tiles before the full
 * ones, full tiles without any mask, masked tiles after them. Where the analysis knows of no full
 * tiles the loop stays.
 */
final class SplitPhases {
  static final Pass PASS =
      new Pass(
          "split-phases",
          "tiles that the mask leaves whole get a loop of their own, without mask or guards",
          SplitPhases::rewrite);

  private SplitPhases() {}

  private static TileKernel rewrite(TileKernel kernel) {
    return switch (KvBounds.solve(kernel.spec()).full()) {
      case FullKeys.None none -> kernel;
      case FullKeys.Between full -> split(kernel, full);
    };
  }

  private static TileKernel split(TileKernel kernel, FullKeys.Between full) {
    List<Op> body = new ArrayList<>();
    Map<Value, Expr> scalars = new HashMap<>();
    for (Op op : kernel.body()) {
      switch (op) {
        case Op.Scalar s -> {
          scalars.put(s.out(), s.expr());
          body.add(s);
        }
        case Op.For loop -> {
          Expr from = scalars.get(loop.from());
          Expr to = scalars.get(loop.to());
          if (from == null || to == null) {
            throw new IllegalStateException("a loop over unknown tiles");
          }
          body.addAll(split(loop, from, to, full, kernel.cols()));
        }
        default -> body.add(op);
      }
    }
    return kernel.withBody(body);
  }

  private static List<Op> split(Op.For loop, Expr from, Expr to, FullKeys.Between full, int cols) {
    Expr size = Exprs.of((long) cols);
    Expr first =
        full.first()
            .map(e -> floorDiv(Exprs.add(Exprs.max(e, Exprs.of(0L)), Exprs.of(cols - 1L)), size))
            .map(e -> Exprs.min(Exprs.max(e, from), to))
            .orElse(from);
    Expr keys = new Expr.Size(Extent.SKV);
    Expr end =
        floorDiv(
            full.last().map(e -> Exprs.min(Exprs.add(e, Exprs.of(1L)), keys)).orElse(keys), size);
    Expr clamped = Exprs.min(Exprs.max(end, first), to);

    List<Op> out = new ArrayList<>();
    Value fullFrom = loop.from();
    if (full.first().isPresent()) {
      fullFrom = new Value("fullFrom", new Type.Int());
      out.add(new Op.Scalar(fullFrom, Simplify.simplify(first)));
    }
    Value fullTo = new Value("fullTo", new Type.Int());
    out.add(new Op.Scalar(fullTo, Simplify.simplify(clamped)));

    Op.For next = loop;
    if (full.first().isPresent()) {
      Op.For before = renamed(loop, ".0").between(loop.from(), fullFrom);
      out.add(before);
      next = after(loop, before);
    }
    Op.For bulk = withoutMask(renamed(next, ".1").between(fullFrom, fullTo));
    out.add(bulk);
    out.add(after(loop, bulk).between(fullTo, loop.to()));
    return out;
  }

  private static Expr floorDiv(Expr a, Expr b) {
    return new Expr.Binary(BinaryOp.FLOOR_DIV, a, b);
  }

  /** The loop with what it defines renamed. */
  private static Op.For renamed(Op.For loop, String suffix) {
    List<Value> outside = Ops.inputs(loop);
    UnaryOperator<Value> rename =
        v -> outside.contains(v) ? v : new Value(v.name() + suffix, v.type());
    return (Op.For) Ops.rename(loop, rename);
  }

  /** The loop, continuing with the results of another. */
  private static Op.For after(Op.For loop, Op.For previous) {
    List<Carried> carried = new ArrayList<>();
    for (int i = 0; i < loop.carried().size(); i++) {
      Carried c = loop.carried().get(i);
      carried.add(new Carried(c.param(), previous.carried().get(i).result(), c.result()));
    }
    return loop.carrying(carried);
  }

  private static Op.For withoutMask(Op.For loop) {
    Map<Value, Value> replaced = new HashMap<>();
    List<Op> body = new ArrayList<>();
    for (Op inner : loop.body()) {
      Op op = Ops.rename(inner, v -> replaced.getOrDefault(v, v));
      switch (op) {
        case Op.Mask mask -> replaced.put(mask.out(), mask.in());
        case Op.Exp2 o -> body.add(new Op.Exp2(o.out(), o.in(), o.factor(), o.max(), false));
        default -> body.add(op);
      }
    }
    return new Op.For(
        Phase.BULK,
        loop.index(),
        loop.from(),
        loop.to(),
        loop.direction(),
        loop.carried(),
        body,
        loop.yields());
  }
}
