package dev.attune.compiler.pass;

import dev.attune.compiler.analysis.KvTiles;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.Simplify;
import dev.attune.compiler.tile.Op;
import dev.attune.compiler.tile.Op.Carried;
import dev.attune.compiler.tile.Op.Direction;
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
 * ones, full tiles without any mask, masked tiles after them; the other way round where it
 * descends. Where the analysis knows of no full tiles the loop stays.
 */
final class SplitPhases {
  static final Pass PASS =
      new Pass(
          "split-phases",
          "tiles that the mask leaves whole get a loop of their own, without mask or guards",
          SplitPhases::rewrite);

  private SplitPhases() {}

  private static TileKernel rewrite(TileKernel kernel) {
    KvTiles tiles = kernel.kvTiles();
    if (tiles.fullTo().isEmpty()) {
      return kernel;
    }
    List<Op> body = new ArrayList<>();
    for (Op op : kernel.body()) {
      if (op instanceof Op.For loop) {
        body.addAll(split(loop, tiles, tiles.fullTo().get()));
      } else {
        body.add(op);
      }
    }
    return kernel.withBody(body);
  }

  private static List<Op> split(Op.For loop, KvTiles tiles, Expr end) {
    Expr first = tiles.fullFrom().map(e -> clamp(e, tiles.from(), tiles.to())).orElse(tiles.from());
    List<Op> out = new ArrayList<>();
    Value fullFrom = loop.from();
    if (tiles.fullFrom().isPresent()) {
      fullFrom = new Value("fullFrom", new Type.Int());
      out.add(new Op.Scalar(fullFrom, Simplify.simplify(first)));
    }
    Value fullTo = new Value("fullTo", new Type.Int());
    out.add(new Op.Scalar(fullTo, Simplify.simplify(clamp(end, first, tiles.to()))));

    List<Op.For> parts = new ArrayList<>();
    if (tiles.fullFrom().isPresent()) {
      parts.add(loop.between(loop.from(), fullFrom));
    }
    parts.add(withoutMask(loop.between(fullFrom, fullTo)));
    parts.add(loop.between(fullTo, loop.to()));
    out.addAll(chain(loop.direction() == Direction.ASCENDING ? parts : parts.reversed()));
    return out;
  }

  /** The loops one after another; the last has the names of the one that they were. */
  private static List<Op.For> chain(List<Op.For> parts) {
    int first = 3 - parts.size();
    List<Op.For> out = new ArrayList<>();
    for (Op.For part : parts) {
      boolean last = out.size() == parts.size() - 1;
      Op.For next = out.isEmpty() ? part : after(part, out.getLast());
      out.add(last ? next : renamed(next, "." + (first + out.size())));
    }
    return out;
  }

  private static Expr clamp(Expr e, Expr low, Expr high) {
    return Exprs.min(Exprs.max(e, low), high);
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
