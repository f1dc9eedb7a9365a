package dev.attune.ptx.compile;

import dev.attune.compiler.analysis.Residues;
import dev.attune.compiler.schedule.Batching;
import dev.attune.compiler.schedule.Target;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.ptx.compile.KernelCompiler.Compilation;
import dev.attune.ptx.compile.KernelCompiler.Options;
import dev.attune.ptx.hopper.HopperSchedules;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * Kernels of warp groups and TMA for sm_90a: those of residue classes and packed ones before
 * others, each for its query lengths. They refuse at the launch what TMA cannot address.
 */
public final class HopperFamily implements Family {
  /** The family's name. */
  public static final String NAME = "hopper";

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public int rank() {
    return 100;
  }

  @Override
  public Answer answer(AttentionSpec spec, Request request) {
    Optional<String> refusal = HopperSchedules.refuses(request.headDim());
    if (refusal.isPresent()) {
      return new Answer.Refusal(refusal.get());
    }
    if (!request.targets().contains(Target.SM_90A)) {
      return new Answer.Refusal(
          "its kernels need sm_90a, compute capability 9.0, and these are for "
              + request.targetNames());
    }
    return new Answer.Candidates(
        compilations(spec, request).stream().map(Compilation::artifact).toList());
  }

  /** Every stage of the family's kernels; none where it refuses. */
  static List<Compilation> compilations(AttentionSpec spec, Request request) {
    List<Compilation> list = new ArrayList<>();
    if (!request.targets().contains(Target.SM_90A)
        || HopperSchedules.refuses(request.headDim()).isPresent()) {
      return list;
    }
    Options options =
        new Options(
            Target.SM_90A,
            request.dtype(),
            request.headDim(),
            OptionalInt.empty(),
            Optional.empty(),
            request.batching());
    List<HopperSchedules.Choice> choices = new ArrayList<>();
    if (request.batching() == Batching.DENSE) {
      Residues.split(spec).stream()
          .flatMap(
              s ->
                  HopperSchedules.ofResidues(s, Target.SM_90A, request.dtype(), request.headDim())
                      .stream())
          .forEach(
              c -> list.add(KernelCompiler.compile(spec, options.with(c.schedule()), c.queries())));
      choices.addAll(
          HopperSchedules.packed(spec, Target.SM_90A, request.dtype(), request.headDim()));
    }
    choices.addAll(
        HopperSchedules.choices(spec, Target.SM_90A, request.dtype(), request.headDim()));
    choices.forEach(
        c ->
            list.add(
                KernelCompiler.compile(spec, options.with(c.schedule()).whole(), c.queries())));
    return list;
  }
}
