package dev.attune.proof;

import dev.attune.compiler.random.SpecGenerator;
import dev.attune.compiler.reference.Problem;
import dev.attune.compiler.reference.Result;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.compiler.spec.Shape;
import dev.attune.ptx.artifact.Artifact;
import dev.attune.runtime.Device;
import dev.attune.runtime.Kernel;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.Tuple;
import net.jqwik.api.sessions.JqwikSession;

/**
 * Many random problems for each of a number of random kernels of the Hopper family, which is much
 * faster on a GPU than a kernel for each problem: half the kernels in the family's own schedules,
 * half in any that fits. Everything is drawn from a seed, before anything runs.
 */
final class Fuzz {
  private static final int GEN_SIZE = 1000;

  private Fuzz() {}

  /** A kernel and the trials for it. */
  record Subject(AttentionSpec spec, Dtype dtype, HeadDim dim, Plan plan, List<Trial> trials) {

    /** What is wrong with each trial whose answer is wrong. */
    List<String> failures(Device device) {
      try {
        List<Artifact> artifacts =
            Kernels.all(
                    trials.getFirst().problem().problem(),
                    plan.targets().getFirst(),
                    plan.schedule(spec),
                    plan.batching())
                .toList();
        try (Kernel kernel = device.load(spec, artifacts)) {
          return trials.stream()
              .map(t -> failure(t, device, kernel))
              .flatMap(Optional::stream)
              .toList();
        }
      } catch (RuntimeException e) {
        // Thrown on, it would close the device under the other threads.
        return List.of(e + " " + trials.getFirst() + plan);
      }
    }

    private Optional<String> failure(Trial trial, Device device, Kernel kernel) {
      try {
        Problem problem = trial.problem().problem();
        Placed placed = new Placed(device, plan, trial.layout(), Placed.Poison.NAN);
        Result result = placed.run(problem, kernel, 1);
        return Trial.failures(problem, result).map(wrong -> wrong + trial + plan);
      } catch (RuntimeException | AssertionError e) {
        return Optional.of(e + " " + trial + plan);
      }
    }
  }

  /** Kernels with so many trials each. */
  static List<Subject> draw(long seed, int kernels, int trials) {
    Random random = new Random(seed);
    List<Subject> subjects = new ArrayList<>();
    JqwikSession.run(
        () -> {
          for (int i = 0; i < kernels; i++) {
            subjects.add(subject(random, i, trials));
          }
        });
    return subjects;
  }

  private static Subject subject(Random random, int index, int trials) {
    AttentionSpec spec =
        next(random, index % 5 == 4 ? SpecGenerator.weights() : SpecGenerator.softmax());
    Dtype dtype = index % 2 == 0 ? Dtype.BF16 : Dtype.F16;
    HeadDim dim = next(random, dims());
    Plan plan =
        index / 2 % 2 == 0
            ? Plan.HOPPER
            : Plan.hopper(next(random, Arbitraries.of(HopperDraws.all(dim))));
    Arbitrary<Trial> one =
        Combinators.combine(
                SpecGenerator.cases(Arbitraries.just(spec), Arbitraries.just(dtype), shapes(dim)),
                Arbitraries.of(Layout.class))
            .as(Trial::new);
    return new Subject(
        spec,
        dtype,
        dim,
        plan,
        IntStream.range(0, trials).mapToObj(n -> next(random, one)).toList());
  }

  private static <T> T next(Random random, Arbitrary<T> arbitrary) {
    return arbitrary.generator(GEN_SIZE).next(random).value();
  }

  /** Those in use, others, and Dqk other than Dv. */
  private static Arbitrary<HeadDim> dims() {
    Arbitrary<Integer> odd = Arbitraries.integers().between(1, 32).map(n -> 8 * n);
    return Arbitraries.frequencyOf(
        Tuple.of(5, Arbitraries.of(64, 128, 256).map(d -> new HeadDim(d, d))),
        Tuple.of(2, odd.map(d -> new HeadDim(d, d))),
        Tuple.of(1, Arbitraries.just(new HeadDim(192, 128))),
        Tuple.of(2, Combinators.combine(odd, odd).as(HeadDim::new)));
  }

  /** A few tiles with edges anywhere, groups of heads, few or many items. */
  private static Arbitrary<Shape> shapes(HeadDim dim) {
    Arbitrary<Integer> lengths =
        Arbitraries.frequencyOf(
            Tuple.of(1, Arbitraries.integers().between(1, 20)),
            Tuple.of(3, Arbitraries.of(63, 64, 65, 79, 80, 81, 127, 128, 129, 191, 192, 193, 256)),
            Tuple.of(4, Arbitraries.integers().between(20, 400)));
    return Combinators.combine(
            Arbitraries.integers().between(1, 2),
            Arbitraries.integers().between(1, 3),
            Arbitraries.integers().between(1, 2),
            lengths,
            lengths)
        .as(
            (batch, group, kvHeads, seq, kvSeq) ->
                new Shape(batch, group * kvHeads, kvHeads, seq, kvSeq, dim));
  }

  /** The failures of all subjects, each on one of the threads that there are. */
  static List<String> failures(List<Subject> subjects, Device device) {
    Stream<Subject> parallel = subjects.stream().parallel();
    return parallel.flatMap(s -> s.failures(device).stream()).toList();
  }
}
