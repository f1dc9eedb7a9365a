package dev.attune.proof;

import dev.attune.compiler.check.Checked;
import dev.attune.compiler.check.Frontend;
import dev.attune.compiler.check.ImportResolver;
import dev.attune.compiler.reference.Problem;
import dev.attune.compiler.schedule.Batching;
import dev.attune.compiler.schedule.Schedule;
import dev.attune.compiler.schedule.Target;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.dsl.diagnostic.Source;
import dev.attune.ptx.artifact.Artifact;
import dev.attune.ptx.compile.KernelCompiler;
import dev.attune.specs.SpecLibrary;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;

/** Specs and their kernels, each compiled once in a run of the tests. */
final class Kernels {
  private static final Map<Key, Artifact> COMPILED = new ConcurrentHashMap<>();

  private Kernels() {}

  private record Key(AttentionSpec spec, KernelCompiler.Options options) {}

  /** A spec of the library. */
  static AttentionSpec library(String name) {
    return parse(SpecLibrary.text(name).orElseThrow());
  }

  /** The only attention of a text. */
  static AttentionSpec parse(String text) {
    Checked checked = Frontend.load(new Source("proof.attn", text), ImportResolver.none());
    if (!checked.ok()) {
      throw new AssertionError(checked.diagnostics().toString());
    }
    return checked.specs().getFirst();
  }

  /** A spec of these clauses, a line each. */
  static AttentionSpec spec(String... clauses) {
    return parse("attention proof {\n" + String.join("\n", clauses) + "\n}\n");
  }

  /** The kernel of the Ampere family for a problem. */
  static Artifact of(Problem problem) {
    return of(problem, Target.SM_80, Optional.empty());
  }

  /**
   * The kernel for a problem.
   *
   * @param schedule none: the family's own
   */
  static Artifact of(Problem problem, Target target, Optional<Schedule> schedule) {
    return of(problem, target, schedule, Batching.DENSE);
  }

  /** The kernel for a problem whose sequences lie in some way. */
  static Artifact of(
      Problem problem, Target target, Optional<Schedule> schedule, Batching batching) {
    return of(problem.spec(), options(problem, target, schedule, batching));
  }

  /** The same, and where that is of residue classes, the kernel of whole sequences. */
  static Stream<Artifact> all(
      Problem problem, Target target, Optional<Schedule> schedule, Batching batching) {
    KernelCompiler.Options options = options(problem, target, schedule, batching);
    Artifact first = of(problem.spec(), options);
    return first.manifest().step().isPresent()
        ? Stream.of(first, of(problem.spec(), options.whole()))
        : Stream.of(first);
  }

  private static KernelCompiler.Options options(
      Problem problem, Target target, Optional<Schedule> schedule, Batching batching) {
    return new KernelCompiler.Options(
        target,
        problem.dtype(),
        problem.shape().headDim(),
        OptionalInt.empty(),
        schedule,
        batching);
  }

  /** The kernel of a spec. */
  static Artifact of(AttentionSpec spec, Target target, Dtype dtype, HeadDim headDim) {
    return of(spec, new KernelCompiler.Options(target, dtype, headDim));
  }

  /** How many kernels of a spec were compiled for a head dimension and any of some targets. */
  static long compiled(AttentionSpec spec, HeadDim dim, List<Target> targets) {
    return COMPILED.keySet().stream()
        .filter(k -> k.spec().equals(spec) && k.options().headDim().equals(dim))
        .filter(k -> targets.contains(k.options().target()))
        .count();
  }

  /** The kernel of a spec, with all that a problem does not say. */
  static Artifact of(AttentionSpec spec, KernelCompiler.Options options) {
    return COMPILED.computeIfAbsent(
        new Key(spec, options), k -> KernelCompiler.compile(spec, options).artifact());
  }
}
