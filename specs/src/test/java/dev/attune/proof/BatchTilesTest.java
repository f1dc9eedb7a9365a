package dev.attune.proof;

import dev.attune.compiler.random.Exactness;
import dev.attune.compiler.reference.Problem;
import dev.attune.compiler.schedule.Target;
import dev.attune.ptx.compile.KernelCompiler;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;

/** Batches of sequences of their own lengths as tiles; {@link DeviceProof} runs their kernels. */
class BatchTilesTest {

  /** After all passes of both families. */
  @Test
  void tilesEqualTheReference() {
    Batches.trials().parallelStream()
        .forEach(
            trial -> {
              Problem problem = BatchTrial.answerable(trial.problem());
              Exactness reference = new Exactness(trial, problem, 1);
              for (Target target : List.of(Target.SM_80, Target.SM_90A)) {
                KernelCompiler.Options options =
                    new KernelCompiler.Options(
                        target,
                        problem.dtype(),
                        problem.shape().headDim(),
                        OptionalInt.empty(),
                        Optional.empty(),
                        trial.batching());
                reference.check(
                    target.ptxName(), KernelCompiler.compile(problem.spec(), options).tiles());
              }
            });
  }
}
