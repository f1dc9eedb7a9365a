package dev.attune.runtime.vectors;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.attune.compiler.schedule.Target;
import dev.attune.ptx.Inst.FloatUnary;
import dev.attune.runtime.cuda.CudaDevice;
import dev.attune.runtime.cuda.CudaMachine;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The approximate functions of a GPU at all 2³² arguments: prints the largest errors. */
@Tag("gpu")
@EnabledIfSystemProperty(
    named = "attune.sweep",
    matches = "true",
    disabledReason = "takes minutes of many cores: ATTUNE_SWEEP=true ./test runs it")
class CudaSweepTest {
  private static final int CHUNK = 1 << 26;

  @BeforeAll
  static void assume() {
    try (CudaDevice device = CudaDevice.open()) {
      Assumptions.assumeTrue(
          device.info().runs(Target.SM_90A),
          () -> device.info().name() + " does not run code for sm_90a");
    }
  }

  static Stream<FloatUnary> functions() {
    return SweepTest.functions();
  }

  @ParameterizedTest
  @MethodSource("functions")
  void errorsAreAsStated(FloatUnary op) {
    try (CudaDevice device = CudaDevice.open()) {
      Errors errors = Sweep.errors(CudaMachine.of(device), op, 0, 1L << 32, CHUNK);
      System.out.printf("%s on %s: %s%n", op.ptx(), device.info().name(), errors);
      assertTrue(errors.asStated(), () -> op.ptx() + ": " + errors);
    }
  }
}
