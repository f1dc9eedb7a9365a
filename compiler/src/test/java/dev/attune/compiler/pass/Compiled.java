package dev.attune.compiler.pass;

import dev.attune.compiler.check.Checked;
import dev.attune.compiler.check.Frontend;
import dev.attune.compiler.check.ImportResolver;
import dev.attune.compiler.schedule.Schedule;
import dev.attune.compiler.schedule.Schedule.Hopper.Output;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.compiler.tile.Lowering;
import dev.attune.compiler.tile.Op;
import dev.attune.compiler.tile.Ops;
import dev.attune.compiler.tile.TileKernel;
import dev.attune.dsl.diagnostic.Source;
import java.util.List;

/** Kernels of specs given as text. */
final class Compiled {
  static final Schedule.Hopper PLAIN =
      new Schedule.Hopper(32, 2, 2, false, Output.OWN, false, false, false, 8, "test");

  private Compiled() {}

  /** An attention of these clauses, one to a line. */
  static AttentionSpec spec(String name, String clauses) {
    String text = "attention " + name + " {\n" + clauses + "\n}\n";
    Checked checked = Frontend.load(new Source(name + ".attn", text), ImportResolver.none());
    if (!checked.ok()) {
      throw new AssertionError(checked.diagnostics().toString());
    }
    return checked.specs().getFirst();
  }

  static TileKernel hopper(String clauses, Schedule.Hopper schedule) {
    return hopper(spec("test", clauses), Dtype.BF16, new HeadDim(16, 16), schedule);
  }

  static TileKernel hopper(AttentionSpec spec, Dtype dtype, HeadDim dim, Schedule.Hopper schedule) {
    return Pipeline.run(Pipeline.hopper(schedule), Lowering.forward(spec, dtype, dim, schedule));
  }

  /** Every operation of a type, nested ones too, in the order written. */
  static <T extends Op> List<T> all(TileKernel kernel, Class<T> type) {
    return Ops.all(kernel.body()).filter(type::isInstance).map(type::cast).toList();
  }

  /** The operations of a role's items. */
  static List<Op> role(TileKernel kernel, String name) {
    Op.Roles roles = (Op.Roles) kernel.body().getFirst();
    Op.Role role =
        roles.roles().stream().filter(r -> r.name().equals(name)).findFirst().orElseThrow();
    return ((Op.ForItems) role.body().getFirst()).body();
  }
}
