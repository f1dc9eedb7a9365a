package dev.attune.proof;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.attune.compiler.random.Exactness;
import dev.attune.compiler.reference.Problem;
import dev.attune.compiler.reference.Reference;
import dev.attune.compiler.schedule.Target;
import dev.attune.compiler.spec.Expr.BoolConst;
import dev.attune.ptx.compile.KernelCompiler;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Every spec of the library as tiles; {@link DeviceProof} runs its kernels. */
class CatalogueTest {
  private static final List<Trial> TRIALS = Catalogue.trials();

  /** After all passes of both families. */
  @Test
  void tilesEqualTheReference() {
    TRIALS.parallelStream()
        .forEach(
            trial -> {
              Problem problem = trial.problem().problem();
              Exactness reference = new Exactness(trial.problem());
              for (Target target : List.of(Target.SM_80, Target.SM_90A)) {
                KernelCompiler.Options options =
                    new KernelCompiler.Options(target, problem.dtype(), problem.shape().headDim());
                reference.check(
                    target.ptxName(), KernelCompiler.compile(problem.spec(), options).tiles());
              }
            });
  }

  /** What the problems show: masks that let some pairs live, and rows of no key at all. */
  @Test
  void masksMatter() {
    int empty = 0;
    for (Trial trial : TRIALS) {
      Problem problem = trial.problem().problem();
      int[] live = new Reference(problem).rows().stream().mapToInt(Reference.Row::live).toArray();
      int keys = problem.shape().kvSeq();
      String name = problem.spec().name();
      assertTrue(IntStream.of(live).anyMatch(n -> n > 1), name);
      assertEquals(
          problem.spec().mask().expr().equals(new BoolConst(true)),
          IntStream.of(live).allMatch(n -> n == keys),
          name);
      empty += IntStream.of(live).anyMatch(n -> n == 0) ? 1 : 0;
    }
    assertTrue(empty >= 20, empty + " specs with a row without keys");
  }
}
