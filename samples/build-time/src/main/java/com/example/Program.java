package com.example;

import com.example.attention.Window;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.NdArray;
import dev.attune.runtime.Device;
import dev.attune.runtime.ElementType;
import dev.attune.runtime.Tensor;

/** Attends once, on a GPU if there is one, else on the emulator. */
public final class Program {
  private Program() {}

  /** Prints the first output of random inputs. */
  public static void main(String[] args) {
    NdArray x = NdArray.floats(1, 100, 2, 64);
    for (int i = 0; i < x.floats().length; i++) {
      x.floats()[i] = (float) Math.sin(i);
    }
    System.out.println(attend(x, x, x, new float[] {0.5f, 0.25f}, 16).floats()[0]);
  }

  /**
   * Attention to the last {@code window} positions.
   *
   * @param q [B, S, H, 64]; rounded to bf16, as are k and v
   * @param k [B, S, H, 64]
   * @param v [B, S, H, 64]
   * @param slope what a head takes off for each position of distance
   * @return [B, S, H, 64]
   */
  static NdArray attend(NdArray q, NdArray k, NdArray v, float[] slope, int window) {
    int[] shape = q.shape();
    NdArray slopes = NdArray.floats(slope.length);
    System.arraycopy(slope, 0, slopes.floats(), 0, slope.length);
    try (Device device = Device.open("auto");
        Window attention = Window.load(device)) {
      Tensor o = device.empty(ElementType.BF16, shape);
      Tensor lse = device.empty(ElementType.F32, shape[0], shape[2], shape[1]);
      attention
          .on(
              device.tensor(Dtype.BF16, q),
              device.tensor(Dtype.BF16, k),
              device.tensor(Dtype.BF16, v),
              o,
              lse,
              device.tensor(slopes))
          .window(window)
          .launch(device.stream());
      return o.download();
    }
  }
}
