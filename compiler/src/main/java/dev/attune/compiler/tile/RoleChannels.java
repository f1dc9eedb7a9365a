package dev.attune.compiler.tile;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The tiles of one role among several, of which each channel has one that puts and another that
 * gets.
 */
final class RoleChannels implements TileRules {

  /** Which role is at which side of each channel, as far as the roles have been read. */
  static final class Sides {
    private final Map<Channel, String> putting = new LinkedHashMap<>();
    private final Map<Channel, String> getting = new LinkedHashMap<>();
    private final Map<String, Channel> byName = new LinkedHashMap<>();

    /** After the last role: every channel has both sides. */
    void requireBoth(String kernel) {
      for (Channel channel : byName.values()) {
        if (!putting.containsKey(channel) || !getting.containsKey(channel)) {
          throw new InvalidTileKernelException(
              kernel,
              "no role %s channel %s"
                  .formatted(
                      putting.containsKey(channel) ? "gets from" : "puts into", channel.name()));
        }
      }
    }

    private void known(Op op, Channel channel) {
      Channel first = byName.computeIfAbsent(channel.name(), n -> channel);
      require(op, first.equals(channel), "two channels are named " + channel.name());
    }
  }

  private final Op.Role role;
  private final Sides sides;
  private final Held held;

  RoleChannels(Op.Role role, Sides sides, Held held) {
    this.role = role;
    this.sides = sides;
    this.held = held;
  }

  @Override
  public void put(Op.Put op) {
    sides.known(op, op.channel());
    require(op, role.copies() == 1, "each of %d copies puts".formatted(role.copies()));
    side(op, op.channel(), sides.putting, "puts into");
  }

  @Override
  public void get(Op.Get op) {
    sides.known(op, op.channel());
    side(op, op.channel(), sides.getting, "gets from");
    require(
        op,
        held.count(op.channel()) < op.channel().stages(),
        "all %d stages of the channel are held".formatted(op.channel().stages()));
    held.get(op);
  }

  private void side(Op op, Channel channel, Map<Channel, String> side, String does) {
    String other = side.computeIfAbsent(channel, c -> role.name());
    require(
        op,
        other.equals(role.name()),
        "role %s %s channel %s already".formatted(other, does, channel.name()));
    require(
        op,
        !role.name().equals(sides.putting.get(channel))
            || !role.name().equals(sides.getting.get(channel)),
        "role %s is on both sides of channel %s".formatted(role.name(), channel.name()));
  }

  @Override
  public Value release(Op.Release op) {
    return held.release(op);
  }

  @Override
  public void enter(Op.For loop) {
    Ops.channels(loop).forEach(channel -> held.requireNone(loop, channel));
  }

  @Override
  public void leave(Op.For loop) {
    enter(loop);
  }

  @Override
  public void end(String where) {
    held.requireNone(where);
  }

  private static void require(Op op, boolean holds, String rule) {
    InvalidTileKernelException.require(op, holds, rule);
  }
}
