package dev.attune.compiler.pass;

import dev.attune.compiler.schedule.Schedule;
import dev.attune.compiler.spec.Operand;
import dev.attune.compiler.tile.Op;
import dev.attune.compiler.tile.Op.Staging;
import java.util.ArrayList;
import java.util.List;

/**
 * O leaves through shared memory, so that its store runs on while the next item begins: through a
 * buffer of its own, or through that of Q, which is then released after the store. Or it leaves
 * from registers, as it was lowered.
 */
final class StageOutput {
  private StageOutput() {}

  static Pass pass(Schedule.Hopper.Output output) {
    return switch (output) {
      case OWN ->
          new Pass(
              "stage-output",
              "O leaves through a buffer of its own",
              kernel -> kernel.withBody(staged(kernel.body(), Staging.OWN)));
      case QUERY ->
          new Pass(
              "stage-output",
              "O leaves through the buffer of Q",
              kernel -> kernel.withBody(staged(kernel.body(), Staging.QUERY)));
      case DIRECT -> new Pass("stage-output", "O leaves from registers", kernel -> kernel);
    };
  }

  private static List<Op> staged(List<Op> ops, Staging staging) {
    boolean stores = ops.stream().anyMatch(op -> op instanceof Op.Store);
    List<Op> body = new ArrayList<>();
    List<Op> afterStore = new ArrayList<>();
    for (Op op : ops) {
      switch (op) {
        case Op.Roles roles ->
            body.add(
                new Op.Roles(
                    roles.roles().stream()
                        .map(r -> new Op.Role(r.name(), r.copies(), staged(r.body(), staging)))
                        .toList()));
        case Op.ForItems items ->
            body.add(new Op.ForItems(items.items(), staged(items.body(), staging)));
        case Op.Release release
            when stores && staging == Staging.QUERY && release.channel().operand() == Operand.Q ->
            afterStore.add(release);
        case Op.Store store -> {
          body.add(new Op.Store(store.operand(), store.in(), staging));
          body.addAll(afterStore);
        }
        default -> body.add(op);
      }
    }
    return body;
  }
}
