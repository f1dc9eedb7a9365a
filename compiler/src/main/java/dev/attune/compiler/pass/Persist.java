package dev.attune.compiler.pass;

import dev.attune.compiler.spec.Operand;
import dev.attune.compiler.tile.Channel;
import dev.attune.compiler.tile.Op;
import dev.attune.compiler.tile.Ops;
import dev.attune.compiler.tile.TileKernel;
import java.util.ArrayList;
import java.util.List;

/**
 * A CTA works on one item after another: the producer claims them, as late as it can so that the
 * longest items are spread evenly, and hands each over with its tile of Q.
 */
final class Persist {
  static final Pass PASS =
      new Pass("persist", "a CTA claims work items until there are no more", Persist::rewrite);

  /**
   * K and V of a section of heads stay in L2, half of an H100's. Where later query tiles see no
   * more keys than earlier ones, tiles of one head run side by side anyway.
   */
  private static final long SECTION_BYTES = 32L << 20;

  private Persist() {}

  private static TileKernel rewrite(TileKernel kernel) {
    long section =
        switch (kernel.order()) {
          case ASCENDING -> 0;
          case DESCENDING -> SECTION_BYTES;
        };
    return kernel.withBody(
        kernel.body().stream()
            .map(
                op ->
                    op instanceof Op.Roles roles
                        ? new Op.Roles(roles.roles().stream().map(r -> role(r, section)).toList())
                        : op)
            .toList());
  }

  private static Op.Role role(Op.Role role, long section) {
    boolean produces = role.body().stream().anyMatch(op -> op instanceof Op.Put);
    Op items =
        produces
            ? new Op.ForItems(new Op.Items.Claimed(section), claiming(role.body()))
            : new Op.ForItems(new Op.Items.Received(query(role)), role.body());
    return new Op.Role(role.name(), role.copies(), List.of(items));
  }

  /** Claims the next item before the last put. */
  private static List<Op> claiming(List<Op> ops) {
    List<Op> body = new ArrayList<>(ops);
    body.add(body.size() - 1, new Op.Claim());
    return body;
  }

  private static Channel query(Op.Role role) {
    return role.body().stream()
        .flatMap(op -> Ops.channel(op).stream())
        .filter(c -> c.operand() == Operand.Q)
        .findFirst()
        .orElseThrow();
  }
}
