package dev.attune.compiler.tile;

import dev.attune.compiler.random.Case;
import dev.attune.compiler.random.Exactness;
import dev.attune.compiler.reference.Inputs.Distribution;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.Shape;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RolesTest {
  private static Case problem(int seq, int kvSeq, long seed) {
    return new Case(
        HandBuilt.spec(),
        Dtype.BF16,
        new Shape(2, 4, 2, seq, kvSeq, HandBuilt.DIM),
        0.25,
        Map.of(),
        Distribution.NORMAL,
        seed);
  }

  @ParameterizedTest
  @CsvSource({"0, 5", "5, 0", "1, 1", "1, 70", "70, 1", "32, 16", "33, 17", "31, 47", "96, 96"})
  void equalsTheReference(int seq, int kvSeq) {
    TileKernel kernel = TileVerifier.verify(HandRoles.kernel());
    new Exactness(problem(seq, kvSeq, 1)).check("by hand", kernel);
  }
}
