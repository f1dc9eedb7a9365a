package dev.attune.proof;

import dev.attune.compiler.spec.HeadDim;
import dev.attune.runtime.Device;
import java.util.Optional;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Tag;
import net.jqwik.api.lifecycle.AfterContainer;
import net.jqwik.api.lifecycle.BeforeContainer;
import org.jspecify.annotations.Nullable;

@Tag("gpu")
class CudaRandomSpecsTest extends RandomSpecs {
  private static @Nullable Device device;

  @BeforeContainer
  static void open() {
    device = Device.open("cuda");
  }

  @AfterContainer
  static void close() {
    if (device != null) {
      device.close();
    }
  }

  @Override
  Arbitrary<Plan> plans(HeadDim dim) {
    return Arbitraries.just(Plan.AMPERE);
  }

  @Override
  Optional<String> failure(Planned planned) {
    Device cuda = device;
    if (cuda == null) {
      throw new IllegalStateException("the device is not open");
    }
    return planned.trial().failure(cuda, planned.plan());
  }
}
