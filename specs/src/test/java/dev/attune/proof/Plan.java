package dev.attune.proof;

import dev.attune.compiler.pass.PackHeads;
import dev.attune.compiler.reference.Problem;
import dev.attune.compiler.schedule.Batching;
import dev.attune.compiler.schedule.Schedule;
import dev.attune.compiler.schedule.Target;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.ptx.artifact.Artifact;
import java.util.List;
import java.util.Optional;

/**
 * Which kernels a problem is solved with: a launch takes the first target's that accepts it.
 *
 * @param targets best first, at least one
 * @param schedule of the first target; none: the family's own
 * @param batching how the sequences of a batch lie
 */
record Plan(List<Target> targets, Optional<Schedule.Hopper> schedule, Batching batching) {
  /** The Ampere family. */
  static final Plan AMPERE = new Plan(List.of(Target.SM_80), Optional.empty());

  /** The Hopper family; the Ampere family where a tensor has no elements. */
  static final Plan HOPPER = new Plan(List.of(Target.SM_90A, Target.SM_90), Optional.empty());

  /** Kernels for dense batches. */
  Plan(List<Target> targets, Optional<Schedule.Hopper> schedule) {
    this(targets, schedule, Batching.DENSE);
  }

  /** The same for batches whose sequences lie in some way; heads share tiles of dense ones only. */
  Plan in(Batching sequences) {
    return new Plan(targets, schedule.filter(s -> !s.packed()), sequences);
  }

  /** The Hopper family with a chosen schedule. */
  static Plan hopper(Schedule.Hopper schedule) {
    return new Plan(HOPPER.targets, Optional.of(schedule));
  }

  /**
   * The kernels for a problem, best first. One in a packed schedule has no other beside it, so that
   * it is launched, unless a tensor has no elements.
   */
  List<Artifact> kernels(Problem problem) {
    Optional<Schedule> chosen = schedule(problem.spec());
    boolean packed = chosen.filter(s -> s instanceof Schedule.Hopper h && h.packed()).isPresent();
    boolean elements = problem.shape().batch() * problem.shape().kvSeq() > 0;
    return targets.stream()
        .limit(packed && elements ? 1 : targets.size())
        .flatMap(
            t -> Kernels.all(problem, t, t == Target.SM_90A ? chosen : Optional.empty(), batching))
        .toList();
  }

  /** The schedule for a spec: a packed one only for what can be packed. */
  Optional<Schedule> schedule(AttentionSpec spec) {
    return schedule.filter(s -> !s.packed() || PackHeads.refuses(spec).isEmpty()).map(s -> s);
  }

  @Override
  public String toString() {
    return (batching == Batching.DENSE ? "for " : batching + " for ")
        + targets.getFirst().ptxName()
        + schedule.map(s -> ", " + s.print()).orElse("");
  }
}
