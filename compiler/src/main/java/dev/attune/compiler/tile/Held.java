package dev.attune.compiler.tile;

import dev.attune.compiler.spec.Operand;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** The tiles that a role has got, and which of them it may still read. */
final class Held {
  private final Map<Channel, Deque<Value>> held = new LinkedHashMap<>();
  private final Set<Value> got = new HashSet<>();
  private final Set<Value> released = new HashSet<>();
  private final Set<Value> overwritten = new HashSet<>();

  void get(Op.Get op) {
    held.computeIfAbsent(op.channel(), c -> new ArrayDeque<>()).addLast(op.out());
    got.add(op.out());
  }

  /** The tile that is released. */
  Value release(Op.Release op) {
    Deque<Value> tiles = tiles(op.channel());
    require(op, !tiles.isEmpty(), "no tile of the channel has been got");
    Value tile = tiles.removeFirst();
    released.add(tile);
    return tile;
  }

  /** The tile whose buffer O takes: the query's. */
  Value overwriteQuery(Op.Store op) {
    List<Value> queries =
        held.entrySet().stream()
            .filter(e -> e.getKey().operand() == Operand.Q)
            .flatMap(e -> e.getValue().stream())
            .toList();
    require(op, queries.size() == 1, "expected one tile of Q held, found " + queries.size());
    overwritten.add(queries.getFirst());
    return queries.getFirst();
  }

  /** Whether a value is the buffer of a channel. */
  boolean isBuffer(Value value) {
    return got.contains(value);
  }

  void requireReadable(Op op, Value value) {
    require(op, !released.contains(value), value + " is read after its release");
    require(op, !overwritten.contains(value), value + " is read after O has taken its buffer");
  }

  /** How many tiles of a channel are held. */
  int count(Channel channel) {
    return tiles(channel).size();
  }

  /** No tile of a channel that a loop uses is held where an iteration begins or ends. */
  void requireNone(Op.For loop, Channel channel) {
    require(
        loop,
        tiles(channel).isEmpty(),
        "a tile of channel %s is held across an iteration".formatted(channel.name()));
  }

  /** No tile is held at all. */
  void requireNone(String where) {
    held.forEach(
        (channel, tiles) -> {
          if (!tiles.isEmpty()) {
            throw new InvalidTileKernelException(
                where,
                "%s of channel %s is never released".formatted(tiles.getFirst(), channel.name()));
          }
        });
  }

  private Deque<Value> tiles(Channel channel) {
    return held.getOrDefault(channel, new ArrayDeque<>());
  }

  private static void require(Op op, boolean holds, String rule) {
    InvalidTileKernelException.require(op, holds, rule);
  }
}
