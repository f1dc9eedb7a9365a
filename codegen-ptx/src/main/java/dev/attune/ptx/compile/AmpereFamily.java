package dev.attune.ptx.compile;

import dev.attune.compiler.schedule.Target;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.ptx.ampere.AmpereSchedules;
import dev.attune.ptx.compile.KernelCompiler.Compilation;
import dev.attune.ptx.compile.KernelCompiler.Options;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * Kernels of {@code mma.sync} and {@code cp.async}, one for each target but sm_90a. They take
 * whatever a launch may have: where another family refuses, these compute.
 */
public final class AmpereFamily implements Family {
  /** The family's name. */
  public static final String NAME = "ampere";

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public int rank() {
    return 1000;
  }

  @Override
  public Answer answer(AttentionSpec spec, Request request) {
    Optional<String> refusal = AmpereSchedules.refuses(request.headDim());
    if (refusal.isPresent()) {
      return new Answer.Refusal(refusal.get());
    }
    List<Compilation> compilations = compilations(spec, request);
    return compilations.isEmpty()
        ? new Answer.Refusal("its kernels are for other targets than " + request.targetNames())
        : new Answer.Candidates(compilations.stream().map(Compilation::artifact).toList());
  }

  /** Every stage of the family's kernels; none where there is no target for them. */
  static List<Compilation> compilations(AttentionSpec spec, Request request) {
    return request.targets().stream()
        .filter(target -> target != Target.SM_90A)
        .map(
            target ->
                KernelCompiler.compile(
                    spec,
                    new Options(
                        target,
                        request.dtype(),
                        request.headDim(),
                        OptionalInt.empty(),
                        Optional.empty(),
                        request.batching())))
        .toList();
  }
}
