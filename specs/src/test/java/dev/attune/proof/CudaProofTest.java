package dev.attune.proof;

import static dev.attune.proof.Trial.shape;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.attune.compiler.reference.Inputs.Distribution;
import dev.attune.compiler.reference.Problem;
import dev.attune.compiler.reference.Result;
import dev.attune.compiler.spec.Dtype;
import dev.attune.runtime.Device;
import dev.attune.specs.SpecLibrary;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The proof on the first CUDA device, and how far it agrees with the emulator. */
@Tag("gpu")
class CudaProofTest extends DeviceProof {

  @Override
  <T> List<String> each(List<T> inputs, Work<T> work) {
    try (Device device = Device.open("cuda")) {
      return inputs.stream().map(i -> work.apply(i, device)).flatMap(Optional::stream).toList();
    }
  }

  /**
   * Emulator and GPU differ where the tensor core sums in another order and by the last bits of the
   * approximate functions: LSE by a few of its own roundings, O by one of the dtype, rarely by two.
   */
  @Test
  void agreesWithTheEmulator() {
    double lse = 0;
    double ulps = 0;
    long equal = 0;
    long elements = 0;
    try (Device cuda = Device.open("cuda");
        Device emulated = Device.open("emulated")) {
      for (String name : SpecLibrary.names()) {
        for (Dtype dtype : Dtype.values()) {
          for (Distribution inputs : List.of(Distribution.NORMAL, Distribution.PEAKED)) {
            Problem problem =
                Trial.of(Kernels.library(name), dtype, shape(1, 2, 1, 200, 200, 64))
                    .with(inputs, 1)
                    .problem()
                    .problem();
            Result a = new Placed(cuda).run(problem);
            Result b = new Placed(emulated).run(problem);
            double unit = dtype == Dtype.BF16 ? 0x1p-7 : 0x1p-10;
            double largest = 0;
            for (float x : b.o().floats()) {
              largest = Math.max(largest, Math.abs(x));
            }
            for (int i = 0; i < a.o().floats().length; i++) {
              double x = a.o().floats()[i];
              double y = b.o().floats()[i];
              // A unit in the last place of the element, or of a thousandth of the largest.
              double size = Math.max(Math.abs(y), largest / 1024);
              ulps =
                  Math.max(
                      ulps, Math.abs(x - y) / (unit * Math.scalb(1.0, Math.getExponent(size))));
              equal += x == y ? 1 : 0;
              elements++;
            }
            for (int i = 0; a.lse().isPresent() && i < a.lse().get().floats().length; i++) {
              double x = a.lse().get().floats()[i];
              double y = b.lse().orElseThrow().floats()[i];
              lse = Math.max(lse, x == y ? 0 : Math.abs(x - y) / Math.max(1, Math.abs(y)));
            }
          }
        }
      }
    }
    double share = (double) equal / elements;
    String found =
        String.format(
            Locale.ROOT,
            "%.2f %% of %d elements of O equal, the others within %.2f ulp; LSE within %.2g",
            100 * share,
            elements,
            ulps,
            lse);
    System.out.println("emulator and GPU: " + found);
    assertTrue(share >= 0.98 && ulps <= 2 && lse <= 1e-6, found);
  }
}
