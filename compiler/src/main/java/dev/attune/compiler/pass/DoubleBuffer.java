package dev.attune.compiler.pass;

import dev.attune.compiler.spec.Operand;
import dev.attune.compiler.tile.Channel;
import dev.attune.compiler.tile.Op;
import dev.attune.compiler.tile.Ops;
import dev.attune.compiler.tile.TileKernel;
import dev.attune.compiler.tile.Value;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Loads travel through channels and start before they are needed. With two stages or more, the K
 * and V tiles of later iterations load during a whole iteration; with one, V loads during the first
 * product and the next K during the softmax and the second product.
 */
final class DoubleBuffer {
  private final Channel q;
  private final Channel k;
  private final Channel v;
  private final int stages;

  private DoubleBuffer(TileKernel kernel, int stages) {
    this.q = channel(kernel, Operand.Q, 1);
    this.k = channel(kernel, Operand.K, stages);
    this.v = channel(kernel, Operand.V, stages);
    this.stages = stages;
  }

  static Pass pass(int stages) {
    return new Pass(
        "double-buffer",
        "Q, K and V travel through channels; K and V have " + stages + " stages",
        kernel -> new DoubleBuffer(kernel, stages).rewrite(kernel));
  }

  private TileKernel rewrite(TileKernel kernel) {
    List<Op.For> loops =
        kernel.body().stream().filter(op -> op instanceof Op.For).map(op -> (Op.For) op).toList();
    Value first = loops.getFirst().from();
    Optional<Value> end = Optional.of(loops.getLast().to());
    List<Op> body = new ArrayList<>();
    for (Op op : kernel.body()) {
      switch (op) {
        case Op.Load load -> {
          body.add(new Op.Put(q, load.index(), 0, Optional.empty()));
          if (stages == 1) {
            body.add(new Op.Put(k, first, 0, end));
          }
          for (int ahead = 0; ahead < stages - 1; ahead++) {
            body.add(new Op.Put(k, first, ahead, end));
            body.add(new Op.Put(v, first, ahead, end));
          }
          body.add(new Op.Get(load.out(), q));
        }
        case Op.For loop -> body.add(stream(loop, end));
        default -> body.add(op);
      }
    }
    int last = body.lastIndexOf(lastLoop(body));
    body.add(last + 1, new Op.Release(q));
    return kernel.withBody(body);
  }

  private static Op lastLoop(List<Op> body) {
    return body.stream().filter(op -> op instanceof Op.For).reduce((a, b) -> b).orElseThrow();
  }

  private Op.For stream(Op.For loop, Optional<Value> end) {
    List<Op> body = new ArrayList<>();
    Value key = loaded(loop, Operand.K);
    Value value = loaded(loop, Operand.V);
    body.add(new Op.Get(key, k));
    if (stages == 1) {
      body.add(new Op.Put(v, loop.index(), 0, end));
    } else {
      body.add(new Op.Get(value, v));
      body.add(new Op.Put(k, loop.index(), stages - 1, end));
      body.add(new Op.Put(v, loop.index(), stages - 1, end));
    }
    List<Op> rest = loop.body().stream().filter(op -> !(op instanceof Op.Load)).toList();
    Set<Value> pending = new HashSet<>(List.of(key, value));
    for (int at = 0; at < rest.size(); at++) {
      Op op = rest.get(at);
      body.add(op);
      List<Op> later = rest.subList(at + 1, rest.size());
      for (Value tile : List.of(key, value)) {
        boolean dead = later.stream().noneMatch(o -> Ops.inputs(o).contains(tile));
        if (dead && pending.contains(tile) && Ops.inputs(op).contains(tile)) {
          pending.remove(tile);
          body.add(new Op.Release(tile.equals(key) ? k : v));
          if (stages == 1 && tile.equals(key)) {
            body.add(new Op.Get(value, v));
            body.add(new Op.Put(k, loop.index(), 1, end));
          }
        }
      }
    }
    return loop.withBody(body);
  }

  private static Value loaded(Op.For loop, Operand operand) {
    return loop.body().stream()
        .filter(op -> op instanceof Op.Load load && load.operand() == operand)
        .map(op -> ((Op.Load) op).out())
        .findFirst()
        .orElseThrow();
  }

  private static Channel channel(TileKernel kernel, Operand operand, int stages) {
    return kernel.body().stream()
        .flatMap(op -> op instanceof Op.For f ? f.body().stream() : java.util.stream.Stream.of(op))
        .filter(op -> op instanceof Op.Load load && load.operand() == operand)
        .map(op -> new Channel(operand.name(), operand, ((Op.Load) op).out().tile(), stages))
        .findFirst()
        .orElseThrow();
  }
}
