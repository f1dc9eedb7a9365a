package dev.attune.proof;

import static dev.attune.proof.Trial.shape;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.attune.compiler.reference.Problem;
import dev.attune.compiler.reference.Result;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.NdArray;
import dev.attune.runtime.Arguments;
import dev.attune.runtime.Buffer;
import dev.attune.runtime.Device;
import dev.attune.runtime.ElementType;
import dev.attune.runtime.Kernel;
import dev.attune.runtime.Tensor;
import java.util.function.BiFunction;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Tensors whose elements lie more than 2³¹ elements apart, along each of their axes. */
abstract class FarTensors {
  private static final long FAR = (1L << 31) + 8;

  abstract Device open();

  /** The kernels that are launched. */
  Plan plan() {
    return Plan.AMPERE;
  }

  @ParameterizedTest
  @CsvSource({
    "q,0", "q,1", "q,2", "k,0", "k,1", "k,2", "v,0", "v,1", "v,2", "o,0", "o,1", "o,2",
  })
  void offsetsHave64Bits(String name, int axis) {
    Problem problem =
        Trial.of(Kernels.library("causal"), Dtype.BF16, shape(2, 4, 2, 33, 40, 16))
            .problem()
            .problem();
    try (Device device = open()) {
      Result near = new Placed(device, plan()).run(problem);
      NdArray far = run(device, problem, name, axis);
      assertArrayEquals(near.o().floats(), far.floats());
    }
  }

  private NdArray run(Device device, Problem problem, String far, int axis) {
    BiFunction<String, NdArray, Tensor> place =
        (name, values) -> {
          int[] shape = values.shape();
          long[] strides = Layout.CONTIGUOUS.strides(shape);
          if (name.equals(far)) {
            // The last element along the axis lies just beyond 2³¹ elements after the first.
            strides[axis] = Math.ceilDiv(FAR, shape[axis] - 1) / 8 * 8 + 8;
          }
          long last = 0;
          for (int i = 0; i < 4; i++) {
            last += (shape[i] - 1) * strides[i];
          }
          assertTrue(!name.equals(far) || last > 1L << 31);
          Buffer buffer = device.allocate(2 * (last + 1));
          return Tensor.strided(buffer, ElementType.BF16, 0, shape, strides).upload(values);
        };
    Tensor q = place.apply("q", problem.q());
    Tensor k = place.apply("k", problem.k());
    Tensor v = place.apply("v", problem.v());
    Tensor o = place.apply("o", NdArray.floats(problem.q().shape()));
    Tensor lse = device.empty(ElementType.F32, 2, 4, 33);
    try (Kernel kernel = device.load(problem.spec(), plan().kernels(problem))) {
      kernel.launch(
          device.stream(), Arguments.of(q, k, v, o).lse(lse).scale(problem.bindings().scale()));
      device.synchronize();
      return o.download();
    } finally {
      for (Tensor tensor : new Tensor[] {q, k, v, o, lse}) {
        tensor.buffer().close();
      }
    }
  }
}
