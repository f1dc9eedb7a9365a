package dev.attune.samples;

import dev.attune.compiler.check.Frontend;
import dev.attune.compiler.check.ImportResolver;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.compiler.spec.NdArray;
import dev.attune.dsl.diagnostic.Source;
import dev.attune.ptx.artifact.Artifact;
import dev.attune.ptx.compile.KernelCompiler;
import dev.attune.runtime.Arguments;
import dev.attune.runtime.Device;
import dev.attune.runtime.ElementType;
import dev.attune.runtime.Kernel;
import dev.attune.runtime.Tensor;
import java.util.List;

/** One attention from its text to its result. */
public final class Attention {
  private Attention() {}

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
    AttentionSpec spec =
        Frontend.load(new Source("mine.attn", text), ImportResolver.none()).specs().getFirst();
    HeadDim dim = new HeadDim(q.shape()[3], v.shape()[3]);
    try (Device device = Device.open("auto")) { // A GPU if there is one, else the emulator.
      List<Artifact> candidates =
          KernelCompiler.candidates(spec, device.info().targets(), Dtype.BF16, dim).stream()
              .map(KernelCompiler.Compilation::artifact)
              .toList();
      Tensor o = device.empty(ElementType.BF16, q.shape());
      Tensor lse = device.empty(ElementType.F32, q.shape()[0], q.shape()[2], q.shape()[1]);
      Arguments arguments =
          Arguments.of(
              device.tensor(Dtype.BF16, q),
              device.tensor(Dtype.BF16, k),
              device.tensor(Dtype.BF16, v),
              o);
      try (Kernel kernel = device.load(spec, candidates)) {
        kernel.launch(device.stream(), arguments.lse(lse).param("n", window));
        return o.download();
      }
    }
    // end of README
  }
}
