package dev.attune.compiler.tile;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Follows the tiles of every channel through a kernel of one role: tiles are numbered from an Int
 * the kernel has, first a bound, in a loop its index, after the loop its end.
 */
final class ChannelRules implements TileRules {

  /**
   * A channel that holds tiles.
   *
   * @param base what tiles are numbered from
   * @param put the next tile to put, as base + put; likewise {@code got} and {@code released}
   * @param end the tile from which on puts do nothing, if there is one
   */
  private record Ring(Value base, int put, int got, int released, Optional<Value> end) {

    /** Nothing between put and release: what was put is at or past the end, so was not. */
    boolean empty() {
      return released == got && (got == put || (end.filter(base::equals).isPresent() && got == 0));
    }

    Ring from(Value newBase) {
      return new Ring(newBase, put, got, released, end);
    }

    Ring next() {
      return new Ring(base, put + 1, got + 1, released + 1, end);
    }
  }

  private final Map<Channel, Ring> rings = new LinkedHashMap<>();
  private final Map<String, Channel> byName = new LinkedHashMap<>();
  private final Deque<Map<Channel, Ring>> entries = new ArrayDeque<>();
  private final Held held;

  ChannelRules(Held held) {
    this.held = held;
  }

  @Override
  public void put(Op.Put op) {
    Channel channel = known(op, op.channel());
    require(op, op.ahead() >= 0, "a tile before the index");
    Ring ring = rings.get(channel);
    if (ring == null || ring.empty()) {
      ring = new Ring(op.index(), op.ahead(), op.ahead(), op.ahead(), op.end());
    }
    require(op, ring.end.equals(op.end()), "earlier tiles of the channel end elsewhere");
    require(
        op,
        ring.base.equals(op.index()) && ring.put == op.ahead(),
        "the next tile of the channel is %s + %d".formatted(ring.base, ring.put));
    require(
        op,
        ring.put - ring.released < channel.stages(),
        "all %d stages of the channel are taken".formatted(channel.stages()));
    rings.put(channel, new Ring(ring.base, ring.put + 1, ring.got, ring.released, ring.end));
  }

  @Override
  public void get(Op.Get op) {
    Channel channel = known(op, op.channel());
    Ring ring = rings.get(channel);
    if (ring == null || ring.empty() || ring.got == ring.put) {
      throw new InvalidTileKernelException(TilePrinter.print(op), "no tile is in the channel");
    }
    rings.put(channel, new Ring(ring.base, ring.put, ring.got + 1, ring.released, ring.end));
    held.get(op);
  }

  @Override
  public Value release(Op.Release op) {
    Channel channel = known(op, op.channel());
    Value tile = held.release(op);
    rings.computeIfPresent(
        channel, (c, r) -> new Ring(r.base, r.put, r.got, r.released + 1, r.end));
    return tile;
  }

  /** Renumbers from the loop's index what is numbered from its first tile. */
  @Override
  public void enter(Op.For loop) {
    Map<Channel, Ring> entry = new LinkedHashMap<>();
    for (Channel channel : Ops.channels(loop)) {
      held.requireNone(loop, channel);
      Ring ring = rings.get(channel);
      if (ring == null || ring.empty()) {
        rings.remove(channel);
        continue;
      }
      require(
          loop,
          ring.base.equals(loop.from()),
          "channel %s goes on at %s, the loop at %s"
              .formatted(channel.name(), ring.base, loop.from()));
      require(
          loop,
          loop.direction() == Op.Direction.ASCENDING,
          "tiles of channel %s are put ahead in ascending order".formatted(channel.name()));
      Ring inside = ring.from(loop.index());
      entry.put(channel, inside);
      rings.put(channel, inside);
    }
    entries.push(entry);
  }

  /** An iteration must have moved each channel on by one tile. */
  @Override
  public void leave(Op.For loop) {
    Map<Channel, Ring> entry = entries.pop();
    for (Channel channel : Ops.channels(loop)) {
      held.requireNone(loop, channel);
      Ring before = entry.get(channel);
      Ring after = rings.get(channel);
      if (before == null) {
        require(
            loop,
            after == null || after.empty(),
            "the body leaves tiles in channel %s, which it found empty".formatted(channel.name()));
        rings.remove(channel);
      } else {
        require(
            loop,
            before.next().equals(after),
            "the body does not leave channel %s one tile further".formatted(channel.name()));
        rings.put(channel, before.from(loop.to()));
      }
    }
  }

  /** No tile may be left. */
  @Override
  public void end(String kernel) {
    rings.forEach(
        (channel, ring) -> {
          if (!ring.empty()) {
            throw new InvalidTileKernelException(
                kernel, "tiles are left in channel " + channel.name());
          }
        });
  }

  private Channel known(Op op, Channel channel) {
    Channel first = byName.computeIfAbsent(channel.name(), n -> channel);
    require(op, first.equals(channel), "two channels are named " + channel.name());
    return channel;
  }

  private static void require(Op op, boolean holds, String rule) {
    InvalidTileKernelException.require(op, holds, rule);
  }
}
