package dev.attune.proof;

import dev.attune.compiler.random.Case;
import dev.attune.compiler.random.SpecGenerator;
import dev.attune.compiler.schedule.Batching;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.compiler.spec.Shape;
import java.util.Optional;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.ShrinkingMode;

/**
 * Random specs on random problems: what a device computes is what the reference says. A failure
 * shows the smallest case found, as a {@code .attn} file and the command that runs it.
 */
abstract class RandomSpecs {

  /** A trial and the kernels it is made with. */
  record Planned(Trial trial, Plan plan) {
    @Override
    public String toString() {
      return trial.toString() + plan;
    }
  }

  /** The kernels that problems of a head dimension may be solved with. */
  abstract Arbitrary<Plan> plans(HeadDim dim);

  /** What is wrong with a device's answer to a trial. */
  abstract Optional<String> failure(Planned planned);

  @Provide
  Arbitrary<Planned> trials() {
    return planned(SpecGenerator.cases());
  }

  /** Fewer and longer: several tiles of rows and of keys, in all phases of the loops. */
  @Provide
  Arbitrary<Planned> longTrials() {
    Arbitrary<Integer> extents = Arbitraries.integers().between(100, 300);
    Arbitrary<Integer> widths = Arbitraries.of(16, 64, 96, 128);
    Arbitrary<Shape> shapes =
        Combinators.combine(extents, extents, widths)
            .as((seq, kvSeq, dim) -> new Shape(1, 1, 1, seq, kvSeq, new HeadDim(dim, dim)));
    return planned(
        SpecGenerator.cases(SpecGenerator.softmax(), Arbitraries.of(Dtype.class), shapes));
  }

  private Arbitrary<Planned> planned(Arbitrary<Case> cases) {
    return Combinators.combine(cases, Arbitraries.of(Layout.class))
        .as(Trial::new)
        .flatMap(
            trial ->
                plans(trial.problem().shape().headDim()).map(plan -> new Planned(trial, plan)));
  }

  @Property(edgeCases = EdgeCasesMode.NONE, shrinking = ShrinkingMode.BOUNDED)
  void kernelsEqualTheReference(@ForAll("trials") Planned planned) {
    require(planned);
  }

  @Property(edgeCases = EdgeCasesMode.NONE, shrinking = ShrinkingMode.BOUNDED)
  void longLoopsEqualTheReference(@ForAll("longTrials") Planned planned) {
    require(planned);
  }

  @Property(edgeCases = EdgeCasesMode.NONE, shrinking = ShrinkingMode.BOUNDED)
  void batchesEqualTheReference(@ForAll("trials") Planned planned, @ForAll boolean packed) {
    Plan plan = planned.plan().in(packed ? Batching.PACKED : Batching.PADDED);
    require(new Planned(planned.trial().in(Layout.CONTIGUOUS), plan));
  }

  private void require(Planned planned) {
    failure(planned)
        .ifPresent(
            wrong -> {
              throw new AssertionError(wrong);
            });
  }
}
