package dev.attune.proof;

import dev.attune.compiler.reference.Problem;
import dev.attune.compiler.schedule.Schedule;
import dev.attune.compiler.schedule.Target;
import dev.attune.ptx.artifact.Artifact;
import java.util.List;
import java.util.Optional;

/**
 * Which kernels a problem is solved with: a launch takes the first target's that accepts it.
 *
 * @param targets best first, at least one
 * @param schedule of the first target; none: the family's own
 */
record Plan(List<Target> targets, Optional<Schedule.Hopper> schedule) {
  /** The Ampere family. */
  static final Plan AMPERE = new Plan(List.of(Target.SM_80), Optional.empty());

  /** The Hopper family; the Ampere family where a tensor has no elements. */
  static final Plan HOPPER = new Plan(List.of(Target.SM_90A, Target.SM_90), Optional.empty());

  /** The Hopper family with a chosen schedule. */
  static Plan hopper(Schedule.Hopper schedule) {
    return new Plan(HOPPER.targets, Optional.of(schedule));
  }

  /** The kernels for a problem, best first. */
  List<Artifact> kernels(Problem problem) {
    return targets.stream().map(t -> Kernels.of(problem, t, of(t))).toList();
  }

  private Optional<Schedule> of(Target target) {
    return target == Target.SM_90A ? schedule.map(s -> s) : Optional.empty();
  }

  @Override
  public String toString() {
    return "for " + targets.getFirst().ptxName() + schedule.map(s -> ", " + s.print()).orElse("");
  }
}
