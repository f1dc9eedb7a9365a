package dev.attune.proof;

import static dev.attune.proof.Trial.shape;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.attune.compiler.reference.Accuracy;
import dev.attune.compiler.reference.Inputs.Distribution;
import dev.attune.compiler.reference.Problem;
import dev.attune.compiler.reference.Result;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.UnaryOp;
import dev.attune.runtime.Device;
import dev.attune.specs.SpecLibrary;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The proof on the first CUDA device, and how far it agrees with the emulator. */
@Tag("gpu")
class CudaProofTest extends DeviceProof {
  /** Of the softcaps in the library. */
  private static final double LARGEST_CAP = 50;

  @Override
  Plan plan() {
    return Plan.AMPERE;
  }

  @Override
  <T> List<String> each(List<T> inputs, Work<T> work) {
    try (Device device = Device.open("cuda")) {
      // In parallel for the compilation of the kernels; they run one after the other.
      return inputs.parallelStream()
          .map(i -> work.apply(i, device))
          .flatMap(Optional::stream)
          .toList();
    }
  }

  private record Compared(String spec, Dtype dtype, Distribution inputs) {}

  /**
   * How two results agree.
   *
   * @param ulps the largest distance in O, in units of its row's largest
   * @param lse the largest distance in LSE, relative to it and to what a last bit of the device's
   *     functions moves a score by
   */
  private record Agreement(long equal, long elements, double ulps, double lse) {
    static final Agreement NONE = new Agreement(0, 0, 0, 0);

    Agreement and(Agreement other) {
      return new Agreement(
          equal + other.equal,
          elements + other.elements,
          Math.max(ulps, other.ulps),
          Math.max(lse, other.lse));
    }

    static Agreement of(Result a, Result b, Dtype dtype, double score) {
      double unit = dtype == Dtype.BF16 ? 0x1p-7 : 0x1p-10;
      long equal = 0;
      double ulps = 0;
      double lse = 0;
      for (int i = 0; i < a.o().floats().length; i++) {
        double x = a.o().floats()[i];
        double y = b.o().floats()[i];
        double size = largest(b.o().floats(), i / 64 * 64, 64);
        double ulp = unit * Math.scalb(1.0, Math.getExponent(size));
        ulps = Math.max(ulps, x == y ? 0 : Math.abs(x - y) / ulp);
        equal += x == y ? 1 : 0;
      }
      for (int i = 0; a.lse().isPresent() && i < a.lse().get().floats().length; i++) {
        double x = a.lse().get().floats()[i];
        double y = b.lse().orElseThrow().floats()[i];
        lse = Math.max(lse, x == y ? 0 : Math.abs(x - y) / Math.max(score, Math.abs(y)));
      }
      return new Agreement(equal, a.o().floats().length, ulps, lse);
    }

    private static double largest(float[] values, int from, int count) {
      double largest = 0;
      for (int i = from; i < from + count; i++) {
        largest = Math.max(largest, Math.abs(values[i]));
      }
      return largest;
    }
  }

  private Agreement agreement(Compared compared, Device cuda) {
    Problem problem =
        Trial.of(Kernels.library(compared.spec), compared.dtype, shape(1, 2, 1, 200, 200, 64))
            .with(compared.inputs, 1)
            .problem()
            .problem();
    try (Device emulated = Device.open("emulated")) {
      return Agreement.of(
          new Placed(cuda, plan()).run(problem),
          new Placed(emulated, plan()).run(problem),
          compared.dtype,
          magnitude(problem.spec()));
    }
  }

  /** A tanh has an absolute error, which its cap multiplies; other scores have relative ones. */
  private static double magnitude(AttentionSpec spec) {
    boolean capped =
        Exprs.uses(spec.score().expr(), e -> e instanceof Expr.Unary u && u.op() == UnaryOp.TANH);
    return capped ? LARGEST_CAP : 1;
  }

  /**
   * Emulator and GPU differ by how the tensor core sums and by the last bits of the approximate
   * functions. That moves LSE by a few of its own roundings, and where it turns the rounding of a
   * weight or of an output, that element by about a unit of its row's largest.
   */
  @Test
  void agreesWithTheEmulator() {
    List<Compared> all = new ArrayList<>();
    for (String name : SpecLibrary.basics()) {
      if (!Accuracy.Limits.TESTS.of(Kernels.library(name)).equals(Accuracy.Limits.TESTS)) {
        continue; // The emulator rounds a fast tanh correctly, a GPU does not.
      }
      for (Dtype dtype : Dtype.values()) {
        for (Distribution inputs : List.of(Distribution.NORMAL, Distribution.PEAKED)) {
          all.add(new Compared(name, dtype, inputs));
        }
      }
    }
    Agreement sum;
    try (Device cuda = Device.open("cuda")) {
      sum =
          all.parallelStream()
              .map(compared -> agreement(compared, cuda))
              .reduce(Agreement.NONE, Agreement::and);
    }
    double share = (double) sum.equal / sum.elements;
    String found =
        String.format(
            Locale.ROOT,
            "%.2f %% of %d elements of O equal, the others within %.2f ulp of their row's largest;"
                + " LSE within %.2g",
            100 * share,
            sum.elements,
            sum.ulps,
            sum.lse);
    System.out.println("emulator and GPU, " + plan() + ": " + found);
    assertTrue(share >= 0.98 && sum.ulps <= 2 && sum.lse <= 1e-6, found);
  }
}
