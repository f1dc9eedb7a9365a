package dev.attune.compiler.reference;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.attune.compiler.reference.FlashSimulation.Defect;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Bindings;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.compiler.spec.NdArray;
import dev.attune.compiler.spec.Shape;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ExactTestsTest {
  private static final Shape SHAPE = new Shape(2, 4, 2, 70, 70, new HeadDim(64, 32));
  private static final Executor CLEAN = new FlashSimulation(Defect.NONE, 16);

  private static Bindings bindings(AttentionSpec spec) {
    return Inputs.bindings(spec, SHAPE, 1);
  }

  @ParameterizedTest
  @EnumSource(Dtype.class)
  void aCorrectKernelPasses(Dtype dtype) {
    for (AttentionSpec spec : List.of(Specs.full(), Specs.causal(), Specs.windowWithEmptyRows())) {
      Bindings b = bindings(spec);
      assertTrue(ExactTests.uniformWhenQIsZero(spec, b));
      assertTrue(ExactTests.scoreIsScaledProduct(spec));
      assertEquals(Optional.empty(), ExactTests.countsKeys(CLEAN, spec, b, dtype));
      assertEquals(Optional.empty(), ExactTests.integers(CLEAN, spec, b, dtype));
      assertEquals(Optional.empty(), ExactTests.weightsSumToOne(CLEAN, spec, b, dtype));
      assertEquals(Optional.empty(), ExactTests.selector(CLEAN, spec, b, dtype, 3));
    }
  }

  @Test
  void theyKnowWhereTheyApply() {
    assertTrue(ExactTests.uniformWhenQIsZero(Specs.softcap(), bindings(Specs.softcap())));
    assertFalse(ExactTests.scoreIsScaledProduct(Specs.softcap()));
    assertFalse(ExactTests.uniformWhenQIsZero(Specs.sink(), bindings(Specs.sink())));
    assertFalse(ExactTests.scoreIsScaledProduct(Specs.sigmoid()));
  }

  private static Optional<String> counts(Defect defect) {
    AttentionSpec spec = Specs.causal();
    return ExactTests.countsKeys(new FlashSimulation(defect, 16), spec, bindings(spec), Dtype.BF16);
  }

  @Test
  void countingNamesTheRow() {
    assertTrue(counts(Defect.KEY_MISSING).orElse("").contains("q=6"));
    assertTrue(counts(Defect.KEY_TOO_MANY).orElse("").contains("(2.00 keys)"));
    assertTrue(counts(Defect.STALE_TILE).isPresent());
    assertTrue(counts(Defect.LSE_BASE).isPresent());
  }

  @Test
  void eachFindsItsDefects() {
    AttentionSpec spec = Specs.causal();
    Bindings b = bindings(spec);
    Executor stale = new FlashSimulation(Defect.STALE_TILE, 16);
    Executor missing = new FlashSimulation(Defect.KEY_MISSING, 16);
    Executor element = new FlashSimulation(Defect.ELEMENT, 16);
    assertTrue(ExactTests.integers(stale, spec, b, Dtype.BF16).isPresent());
    assertTrue(ExactTests.integers(missing, spec, b, Dtype.BF16).isPresent());
    assertTrue(ExactTests.weightsSumToOne(element, spec, b, Dtype.BF16).isPresent());
    assertTrue(ExactTests.selector(stale, spec, b, Dtype.BF16, 3).isPresent());
    assertTrue(ExactTests.selector(missing, spec, b, Dtype.BF16, 3).isPresent());
    Executor divides = new FlashSimulation(Defect.EMPTY_ROW, 16);
    AttentionSpec empty = Specs.windowWithEmptyRows();
    assertTrue(ExactTests.weightsSumToOne(divides, empty, b, Dtype.BF16).isPresent());
  }

  @Test
  void unseenKeysMayHoldAnything() {
    // Keys past the last query are dead for every row.
    Shape shape = new Shape(1, 2, 1, 20, 33, new HeadDim(16, 16));
    Problem problem =
        Inputs.problem(Specs.causal(), Dtype.BF16, shape, Inputs.Distribution.NORMAL, 1);
    assertEquals(Optional.empty(), ExactTests.deadKeysDoNotMatter(CLEAN, problem));
    Executor leaks =
        p -> {
          Result r = CLEAN.run(p);
          float[] o = r.o().floats().clone();
          o[0] += 1e-3f * p.v().floats()[p.v().floats().length - 1];
          return new Result(new NdArray(r.o().shape(), o), r.lse());
        };
    assertTrue(ExactTests.deadKeysDoNotMatter(leaks, problem).orElse("").contains("O depends"));
  }
}
