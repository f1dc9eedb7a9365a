package dev.attune.proof;

import static dev.attune.proof.Trial.shape;

import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Dtype;
import java.util.List;
import org.junit.jupiter.api.Disabled;
import org.junit.jupiter.api.Test;

/** The proof of the Hopper family on the emulator. */
class EmulatedHopperProofTest extends EmulatedProofTest {

  @Override
  Plan plan() {
    return Plan.HOPPER;
  }

  /**
   * Scores at their cap have the weight 1 with a maximum, and without one a weight that is rounded
   * like all others, the same way in all rows.
   */
  @Test
  @Disabled("bounded scores: rmse_ratio is 1.3 where few scores, at their cap, make up a row")
  void cappedScores() {
    AttentionSpec spec =
        Kernels.spec(
            "score = softcap(score * 2.0, 5.0)", "mask = kv == q or kv + 19 == q and q % 4 == 0");
    run(List.of(Trial.of(spec, Dtype.BF16, shape(1, 2, 1, 300, 300, 128))));
  }
}
