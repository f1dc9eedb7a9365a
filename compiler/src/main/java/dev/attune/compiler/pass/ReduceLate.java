package dev.attune.compiler.pass;

import static java.util.Objects.requireNonNull;

import dev.attune.compiler.tile.Op;
import dev.attune.compiler.tile.Op.Carried;
import dev.attune.compiler.tile.Ops;
import dev.attune.compiler.tile.TileKernel;
import dev.attune.compiler.tile.Type;
import dev.attune.compiler.tile.Value;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Row sums stay one partial sum per lane through the loops and are reduced once, after the last.
 */
final class ReduceLate {
  static final Pass PASS =
      new Pass(
          "reduce-late", "row sums stay per lane until the loops are done", ReduceLate::rewrite);

  private ReduceLate() {}

  private static TileKernel rewrite(TileKernel kernel) {
    Set<Value> partial = new HashSet<>();
    int before;
    do {
      before = partial.size();
      kernel.body().forEach(op -> grow(op, partial));
    } while (partial.size() > before);
    if (partial.isEmpty()) {
      return kernel;
    }
    Map<Value, Value> retyped = new HashMap<>();
    for (Value v : partial) {
      Type.Row row = (Type.Row) v.type();
      retyped.put(v, new Value(v.name() + "p", new Type.Row(row.rows(), true)));
    }
    List<Op> body = new ArrayList<>();
    Set<Value> reduced = new HashSet<>();
    for (Op op : kernel.body()) {
      boolean carries = op instanceof Op.For || op instanceof Op.Fill;
      if (!carries) {
        for (Value v : Ops.inputs(op)) {
          if (partial.contains(v) && reduced.add(v)) {
            body.add(new Op.ReduceRow(v, requireNonNull(retyped.get(v))));
          }
        }
        body.add(op);
      } else {
        body.add(Ops.rename(op, v -> retyped.getOrDefault(v, v)));
      }
    }
    return kernel.withBody(body);
  }

  /** Adds the sums of a loop and every value through which they are carried. */
  private static void grow(Op op, Set<Value> partial) {
    if (!(op instanceof Op.For loop)) {
      return;
    }
    for (Op inner : loop.body()) {
      switch (inner) {
        case Op.RowSum o -> partial.addAll(List.of(o.out(), o.initial()));
        case Op.Rescale o when partial.contains(o.sumOut()) || partial.contains(o.sum()) ->
            partial.addAll(List.of(o.sumOut(), o.sum()));
        default -> {}
      }
    }
    for (int i = 0; i < loop.carried().size(); i++) {
      Carried c = loop.carried().get(i);
      List<Value> chain = List.of(c.param(), c.init(), c.result(), loop.yields().get(i));
      if (chain.stream().anyMatch(partial::contains)) {
        partial.addAll(chain);
      }
    }
  }
}
