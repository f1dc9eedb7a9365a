package dev.attune.compiler.tile;

import dev.attune.compiler.tile.Op.Items;
import java.util.List;

/**
 * Where work items come from: either a CTA has one, or the body of every role is one loop over
 * items, of which one claims and the others receive.
 */
final class ItemRules {
  private ItemRules() {}

  static void check(TileKernel kernel) {
    String where = "kernel " + kernel.spec().name();
    List<Op> all = Ops.all(kernel.body()).toList();
    long roles = all.stream().filter(Op.Roles.class::isInstance).count();
    require(
        where,
        roles == 0 || (kernel.body().size() == 1 && kernel.body().getFirst() instanceof Op.Roles),
        "roles are the whole body of a kernel");
    List<Op.ForItems> loops =
        all.stream().filter(Op.ForItems.class::isInstance).map(Op.ForItems.class::cast).toList();
    long claims = all.stream().filter(Op.Claim.class::isInstance).count();
    if (loops.isEmpty()) {
      require(where, claims == 0, "an item is claimed outside a loop over claimed items");
      return;
    }
    for (Op.Role role : Cta.roles(kernel)) {
      require(
          where,
          role.body().size() == 1 && role.body().getFirst() instanceof Op.ForItems,
          "a loop over items is the whole body of %s, or of no role".formatted(role.name()));
    }
    require(where, loops.size() == Cta.roles(kernel).size(), "a loop over items within another");
    List<Op.ForItems> claiming =
        loops.stream().filter(loop -> loop.items() instanceof Items.Claimed).toList();
    require(
        where,
        claiming.size() == 1,
        "expected one loop over claimed items, found " + claiming.size());
    Op.ForItems source = claiming.getFirst();
    require(
        TilePrinter.print(source),
        claims == 1 && source.body().contains(new Op.Claim()),
        "the next item is claimed once, outside the loops of the body");
    for (Op.ForItems loop : loops) {
      if (loop.items() instanceof Items.Received(Channel channel)) {
        received(loop, channel, source);
      }
    }
  }

  private static void received(Op.ForItems loop, Channel channel, Op.ForItems source) {
    String where = TilePrinter.print(loop);
    require(
        where,
        once(loop, Op.Get.class, channel),
        "an item has one tile of channel %s, got outside the loops of the body"
            .formatted(channel.name()));
    require(
        where,
        once(source, Op.Put.class, channel),
        "the role that claims puts one tile of channel %s for each item".formatted(channel.name()));
  }

  /** Whether the body moves one tile of a channel, in any case. */
  private static boolean once(Op.ForItems loop, Class<? extends Op> type, Channel channel) {
    long within = Ops.all(loop.body()).filter(op -> moves(op, type, channel)).count();
    return within == 1
        && loop.body().stream()
            .filter(op -> moves(op, type, channel))
            .anyMatch(op -> !(op instanceof Op.Put put && put.end().isPresent()));
  }

  private static boolean moves(Op op, Class<? extends Op> type, Channel channel) {
    return type.isInstance(op) && Ops.channel(op).filter(channel::equals).isPresent();
  }

  private static void require(String where, boolean holds, String rule) {
    if (!holds) {
      throw new InvalidTileKernelException(where, rule);
    }
  }
}
