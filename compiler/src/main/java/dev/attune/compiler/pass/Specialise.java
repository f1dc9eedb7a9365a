package dev.attune.compiler.pass;

import static java.util.Objects.requireNonNull;

import dev.attune.compiler.schedule.Schedule;
import dev.attune.compiler.spec.Operand;
import dev.attune.compiler.tile.Channel;
import dev.attune.compiler.tile.Op;
import dev.attune.compiler.tile.Ops;
import dev.attune.compiler.tile.TileKernel;
import dev.attune.compiler.tile.Type;
import dev.attune.compiler.tile.Value;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.UnaryOperator;

/**
 * Two roles: a producer that loads, and consumers of 64 query rows each that compute. Loads become
 * channels; a tile is released as soon as what reads it has finished.
 */
final class Specialise {
  /** Query rows of a consumer: those of one product of a warpgroup. */
  private static final int ROWS = 64;

  private final Schedule.Hopper schedule;
  private final TileKernel kernel;
  private final Map<Operand, Channel> channels = new EnumMap<>(Operand.class);
  private final Set<Value> keysAndValues = new HashSet<>();

  private Specialise(TileKernel kernel, Schedule.Hopper schedule) {
    this.schedule = schedule;
    this.kernel = kernel;
    Ops.all(kernel.body())
        .filter(op -> op instanceof Op.Load)
        .map(op -> (Op.Load) op)
        .forEach(
            load -> {
              boolean query = load.operand() == Operand.Q;
              channels.put(
                  load.operand(),
                  new Channel(
                      load.operand().name(),
                      load.operand(),
                      load.out().tile(),
                      query ? 1 : schedule.stages()));
              if (!query) {
                keysAndValues.add(load.out());
              }
            });
  }

  static Pass pass(Schedule.Hopper schedule) {
    return new Pass(
        "specialise",
        "a producer that loads, "
            + (schedule.consumers() == 1 ? "1 consumer" : schedule.consumers() + " consumers")
            + " of 64 rows that compute",
        kernel -> new Specialise(kernel, schedule).rewrite());
  }

  private TileKernel rewrite() {
    Op.Role producer = new Op.Role("producer", 1, producer());
    Op.Role consumer = new Op.Role("consumer", schedule.consumers(), consumer());
    return kernel.withBody(List.of(new Op.Roles(List.of(producer, consumer))));
  }

  private Op put(Op.Load load) {
    return new Op.Put(channel(load), load.index(), load.ahead(), Optional.empty());
  }

  private Channel channel(Op.Load load) {
    return requireNonNull(channels.get(load.operand()));
  }

  /** The loads in their order, Q after the first K; the scalars that they need. */
  private List<Op> producer() {
    List<Op> loads = new ArrayList<>();
    for (Op op : kernel.body()) {
      if (op instanceof Op.For loop) {
        Op.For puts = puts(loop);
        Optional<Op.For> merged =
            loads.getLast() instanceof Op.For before ? merged(before, puts) : Optional.empty();
        merged.ifPresent(m -> loads.removeLast());
        loads.add(merged.orElse(puts));
      } else if (op instanceof Op.Load load) {
        loads.add(put(load));
      }
    }
    Op query = loads.removeFirst();
    loads.add(1, query);
    Set<Value> read = new HashSet<>();
    loads.forEach(op -> read.addAll(Ops.inputs(op)));
    List<Op> body = new ArrayList<>();
    for (Op op : kernel.body()) {
      if (op instanceof Op.Scalar scalar && read.contains(scalar.out())) {
        body.add(scalar);
      }
    }
    body.addAll(loads);
    return Ops.rename(
        body, v -> v.equals(kernel.qTile()) ? v : new Value(v.name() + ".p", v.type()));
  }

  private Op.For puts(Op.For loop) {
    List<Op> puts =
        loop.body().stream()
            .filter(op -> op instanceof Op.Load)
            .map(op -> put((Op.Load) op))
            .toList();
    return new Op.For(
        loop.phase(),
        loop.index(),
        loop.from(),
        loop.to(),
        loop.direction(),
        List.of(),
        puts,
        List.of());
  }

  /** One loop in place of two that descend through adjacent tiles and do the same. */
  private static Optional<Op.For> merged(Op.For upper, Op.For lower) {
    UnaryOperator<Value> index = v -> v.equals(lower.index()) ? upper.index() : v;
    boolean same = Ops.rename(lower.body(), index).equals(upper.body());
    if (!same || !lower.to().equals(upper.from())) {
      return Optional.empty();
    }
    return Optional.of(
        new Op.For(
            upper.phase() == lower.phase() ? upper.phase() : Op.Phase.MASKED,
            upper.index(),
            lower.from(),
            upper.to(),
            upper.direction(),
            List.of(),
            upper.body(),
            List.of()));
  }

  private List<Op> consumer() {
    return Ops.rename(released(kernel.body()), this::ofConsumer);
  }

  /** A value of an item's rows, of a consumer's. */
  private Value ofConsumer(Value v) {
    return switch (v.type()) {
      case Type.Row(int rows, boolean partial) -> new Value(v.name(), new Type.Row(ROWS, partial));
      case Type.Tile(int rows, int cols, Type.Element element) when !keysAndValues.contains(v) ->
          new Value(v.name(), new Type.Tile(ROWS, cols, element));
      case Type.Tile tile -> v;
      case Type.Int integer -> v;
    };
  }

  /** The operations with gets for loads, each released once all that read it is complete. */
  private List<Op> released(List<Op> ops) {
    List<Op> body = new ArrayList<>();
    Map<Value, Channel> held = new LinkedHashMap<>();
    Deque<Op.Issue> unfinished = new ArrayDeque<>();
    for (int at = 0; at < ops.size(); at++) {
      Op op = ops.get(at);
      switch (op) {
        case Op.Load load -> {
          Value got = load.out();
          if (load.operand() == Operand.Q && schedule.queryInRegisters()) {
            got = new Value(got.name() + "0", got.type());
            body.add(new Op.Get(got, channel(load)));
            body.add(new Op.Copy(load.out(), got));
            body.add(new Op.Release(channel(load)));
          } else {
            body.add(new Op.Get(got, channel(load)));
            held.put(got, channel(load));
          }
          continue;
        }
        case Op.For loop -> body.add(loop.withBody(released(loop.body())));
        case Op.Issue issue -> {
          unfinished.addLast(issue);
          body.add(issue);
        }
        case Op.Await await -> {
          while (unfinished.size() > await.pending()) {
            unfinished.removeFirst();
          }
          body.add(await);
        }
        default -> body.add(op);
      }
      List<Op> later = ops.subList(at + 1, ops.size());
      for (Iterator<Map.Entry<Value, Channel>> i = held.entrySet().iterator(); i.hasNext(); ) {
        Map.Entry<Value, Channel> tile = i.next();
        if (!reads(later, tile.getKey()) && !reads(unfinished, tile.getKey())) {
          body.add(new Op.Release(tile.getValue()));
          i.remove();
        }
      }
    }
    return body;
  }

  private static boolean reads(Iterable<? extends Op> ops, Value value) {
    for (Op op : ops) {
      if (Ops.inputs(op).contains(value)) {
        return true;
      }
    }
    return false;
  }
}
