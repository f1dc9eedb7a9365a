package dev.attune.proof;

import static dev.attune.proof.Trial.shape;

import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Dtype;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The proof of the Hopper family on the emulator. */
class EmulatedHopperProofTest extends EmulatedProofTest {

  @Override
  Plan plan() {
    return Plan.HOPPER;
  }

  /**
   * The weight of the largest score of a row is 1 up to its own rounding only with a maximum, which
   * shows in rows of one or two keys.
   */
  @Test
  void boundedScoresOfFewKeys() {
    AttentionSpec spec =
        Kernels.spec(
            "tensor live : bool[B, Sq, Skv]",
            "score = max(5.0 * tanh(score * 2.0 / 5.0), -2.0)",
            "mask = any(i in 0..3: kv == q - i * 19) and live[b, q, kv]");
    run(List.of(Trial.of(spec, Dtype.BF16, shape(1, 2, 1, 192, 256, 64))));
  }
}
