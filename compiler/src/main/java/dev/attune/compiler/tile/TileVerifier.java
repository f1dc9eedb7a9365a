package dev.attune.compiler.tile;

import dev.attune.compiler.spec.Normalization;
import dev.attune.compiler.spec.Operand;
import dev.attune.compiler.spec.Output;
import java.util.HashSet;
import java.util.Set;

/**
 * What holds of every tile kernel, checked before the first pass and after each.
 *
 * <ul>
 *   <li>A name is defined once in a role, before its uses; what a loop's body defines is not seen
 *       outside.
 *   <li>Q is loaded by the kernel's query tile, with {@code rows} rows of Dqk; K and V with {@code
 *       cols} rows of Dqk and Dv; all are HALF, in a channel too.
 *   <li>A product takes HALF tiles whose inner extents agree; its result and what it adds to are
 *       F32. All other arithmetic is on F32 tiles of one shape; rows are as many as the tile's.
 *   <li>Only sums may be partial: what {@code RowSum} starts from and yields, what {@code Rescale}
 *       scales, and what {@code ReduceRow} takes. A partial row is filled with 0 only.
 *   <li>A loop's index and bounds are Ints; each carried value has one type as parameter, start,
 *       yield and result.
 *   <li>The raw score is read in {@code Map} only; a sink and the bounds of a {@code Limit} depend
 *       on b, h, q; factors, scalars and a loop's bounds depend on neither q nor kv, nor in a
 *       packed kernel on h, and a constant factor is positive. Params and tensors are declared by
 *       the spec; a variable is bound by a reduction, or is one of the kernel's in a scalar.
 *   <li>In a kernel of one role, tiles move along a channel in order: each is put once, got once,
 *       released once; at most {@code stages} are between put and release; an iteration of a loop
 *       leaves its channels one tile further than it found them, or empty if it found them empty; a
 *       loop goes on where the one before it ended; at the end no tile is left.
 *   <li>Roles are the whole body of a kernel. Each channel has one role that puts, of one copy, and
 *       another that gets. A copy never holds more tiles of a channel than it has stages, holds
 *       none that a loop gets across its iterations, and none at the end of an item.
 *   <li>A got tile is not read after its release, nor after O has taken its buffer, and is not
 *       carried by a loop. Only a got tile is copied.
 *   <li>Until it is awaited, the result of an issued product is not read, nor what it adds to, and
 *       the tiles it reads are not released. None is in flight where an iteration or an item begins
 *       or ends.
 *   <li>Either a CTA has one item, or the body of every role is one loop over items. One of them
 *       claims, once in its body and not in a loop; the others receive with a channel of which the
 *       claiming role puts, and they get, one tile for each item.
 *   <li>O leaves through the query's buffer only while the role holds the query.
 *   <li>O is stored once, as HALF; LSE once if there is a softmax; the largest score once if the
 *       spec asks for it; nothing in a loop.
 * </ul>
 */
public final class TileVerifier {
  private final TileKernel kernel;
  private final String where;
  private final Set<Operand> stored = new HashSet<>();

  private TileVerifier(TileKernel kernel) {
    this.kernel = kernel;
    this.where = "kernel " + kernel.spec().name();
  }

  /**
   * The kernel, if it keeps all rules.
   *
   * @throws InvalidTileKernelException naming the first operation that breaks one, and the rule
   */
  public static TileKernel verify(TileKernel kernel) {
    new TileVerifier(kernel).run();
    return kernel;
  }

  private void run() {
    require(kernel.qTile().type() instanceof Type.Int, "the query tile must be an Int");
    ItemRules.check(kernel);
    if (kernel.body().size() == 1 && kernel.body().getFirst() instanceof Op.Roles roles) {
      new OpRules(kernel, kernel.rows(), true).check(roles);
      Set<String> names = new HashSet<>();
      RoleChannels.Sides sides = new RoleChannels.Sides();
      for (Op.Role role : roles.roles()) {
        require(names.add(role.name()), "two roles are named " + role.name());
        OpRules rules = new OpRules(kernel, kernel.rows() / role.copies(), true);
        Held held = new Held();
        new RoleVerifier(kernel, rules, held, new RoleChannels(role, sides, held), stored)
            .run("role " + role.name(), role.body());
      }
      sides.requireBoth(where);
    } else {
      OpRules rules = new OpRules(kernel, kernel.rows(), false);
      Held held = new Held();
      new RoleVerifier(kernel, rules, held, new ChannelRules(held), stored)
          .run(where, kernel.body());
    }
    requireStored(Operand.O, true);
    requireStored(Operand.LSE, kernel.spec().normalization() instanceof Normalization.Softmax);
    requireStored(Operand.MAX_SCORE, kernel.spec().outputs().contains(Output.MAX_SCORE));
  }

  private void requireStored(Operand operand, boolean wanted) {
    require(
        stored.contains(operand) == wanted,
        operand + (wanted ? " is never stored" : " is stored, and nobody asks for it"));
  }

  private void require(boolean holds, String rule) {
    if (!holds) {
      throw new InvalidTileKernelException(where, rule);
    }
  }
}
