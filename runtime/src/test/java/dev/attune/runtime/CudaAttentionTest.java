package dev.attune.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.attune.compiler.schedule.Target;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.NdArray;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Text launched on a GPU, by whichever family, and by one that is forced. */
@Tag("gpu")
class CudaAttentionTest {
  private static final String WINDOW =
      "attention window { param n : int = 3 where n >= 1  mask = causal and q - kv < n }";

  /** O of the last of some rows, where every live key weighs the same and V is its position. */
  private static float last(Device device, Attention attention, Dtype dtype, int seq, int dim) {
    NdArray v = NdArray.floats(1, seq, 1, dim);
    for (int i = 0; i < v.floats().length; i++) {
      v.floats()[i] = Math.floorDiv(i, dim);
    }
    Tensor zeros = device.tensor(dtype, NdArray.floats(1, seq, 1, dim));
    Tensor o = device.empty(ElementType.of(dtype), 1, seq, 1, dim);
    attention.launch(
        device.stream(),
        Arguments.of(zeros, zeros, device.tensor(dtype, v), o)
            .lse(device.empty(ElementType.F32, 1, 1, seq)));
    device.synchronize();
    float[] result = o.download().floats();
    return result[result.length - 1];
  }

  @Test
  void textIsLaunchedForEveryDtypeAndHeadDim() {
    try (Device device = Device.open("cuda");
        Attention attention = Attention.compile(WINDOW, device)) {
      for (Dtype dtype : Dtype.values()) {
        for (int dim : new int[] {8, 64, 128}) {
          assertEquals(18, last(device, attention, dtype, 20, dim));
          assertEquals(198, last(device, attention, dtype, 200, dim));
        }
      }
    }
  }

  @Test
  void everyFamilyCanBeForced() {
    try (Device device = Device.open("cuda")) {
      boolean hopper = device.info().target() == Target.SM_90A;
      for (String name : hopper ? new String[] {"hopper", "ampere"} : new String[] {"ampere"}) {
        try (Attention attention =
            Attention.of(SpecText.of(WINDOW), device, Prebuilt.none(), Selection.only(name))) {
          assertEquals(18, last(device, attention, Dtype.F16, 20, 64));
        }
      }
    }
  }
}
