package dev.attune.samples.jit;

import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.NdArray;
import dev.attune.runtime.Arguments;
import dev.attune.runtime.Attention;
import dev.attune.runtime.Device;
import dev.attune.runtime.ElementType;
import dev.attune.runtime.Tensor;

/** One attention from its text to its result. */
public final class WindowAttention {
  private WindowAttention() {}

  /**
   * Attention to the last {@code window} keys.
   *
   * @param q float [B, Sq, Hq, D]; rounded to bf16, as are {@code k} and {@code v}
   * @param k float [B, Skv, Hkv, D]
   * @param v float [B, Skv, Hkv, D]
   * @return float [B, Sq, Hq, D]
   */
  public static NdArray window(NdArray q, NdArray k, NdArray v, int window) {
    // README
    String text = "attention mine { param n : int = 8 where n >= 1  mask = causal and q - kv < n }";
    try (Device device = Device.open("auto"); // A GPU if there is one, else the emulator.
        Attention attention = Attention.compile(text, device)) {
      Tensor o = device.empty(ElementType.BF16, q.shape());
      Tensor lse = device.empty(ElementType.F32, q.shape()[0], q.shape()[2], q.shape()[1]);
      Arguments arguments =
          Arguments.of(
              device.tensor(Dtype.BF16, q),
              device.tensor(Dtype.BF16, k),
              device.tensor(Dtype.BF16, v),
              o);
      attention.launch(device.stream(), arguments.lse(lse).param("n", window));
      return o.download();
    }
    // end of README
  }
}
