package dev.attune.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.attune.compiler.check.Frontend;
import dev.attune.compiler.check.ImportResolver;
import dev.attune.compiler.reference.Accuracy;
import dev.attune.compiler.reference.Inputs;
import dev.attune.compiler.reference.Problem;
import dev.attune.compiler.reference.Result;
import dev.attune.compiler.reference.RowId;
import dev.attune.compiler.schedule.Target;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.compiler.spec.NdArray;
import dev.attune.compiler.spec.Shape;
import dev.attune.dsl.diagnostic.Source;
import dev.attune.ptx.artifact.Artifact;
import dev.attune.ptx.compile.KernelCompiler;
import java.util.List;
import java.util.Optional;

/**
 * A kernel with places for its arguments, which can be filled with other inputs again and again.
 */
interface Work extends AutoCloseable {

  /** Attention to earlier keys at a distance that is not a multiple of a tile. */
  AttentionSpec SPEC =
      Frontend.load(
              new Source("mine.attn", "attention mine { mask = causal and q - kv < 70 }"),
              ImportResolver.none())
          .specs()
          .getFirst();

  HeadDim DIM = new HeadDim(64, 64);

  Kernel kernel();

  Arguments arguments();

  /** Fills inputs with the values of a seed, and outputs with NaN. */
  void fill(int seed);

  /** Compares outputs with what those of the seed must be. */
  void check(int seed);

  @Override
  void close();

  /** Kernels of the spec, best first. */
  static List<Artifact> candidates(List<Target> targets) {
    return KernelCompiler.candidates(SPEC, targets, Dtype.BF16, DIM).stream()
        .map(KernelCompiler.Compilation::artifact)
        .toList();
  }

  /** Attention of a batch of two, through the first candidate that takes it. */
  static Work attention(Device device, List<Artifact> candidates) {
    Shape shape = new Shape(2, 4, 2, 333, 333, DIM);
    Kernel kernel = device.load(SPEC, candidates);
    Arguments arguments =
        Arguments.of(
                device.empty(ElementType.BF16, 2, 333, 4, 64),
                device.empty(ElementType.BF16, 2, 333, 2, 64),
                device.empty(ElementType.BF16, 2, 333, 2, 64),
                device.empty(ElementType.BF16, 2, 333, 4, 64))
            .lse(device.empty(ElementType.F32, 2, 4, 333));
    return new Attending(kernel, arguments, shape);
  }

  /** The kernel that copies Q. */
  static Work copying(Device device) {
    Arguments arguments =
        Arguments.of(
                device.empty(ElementType.BF16, 2, 50, 3, 8),
                device.empty(ElementType.BF16, 2, 5, 1, 8),
                device.empty(ElementType.BF16, 2, 5, 1, 8),
                device.empty(ElementType.BF16, 2, 50, 3, 8))
            .lse(device.empty(ElementType.F32, 2, 3, 50))
            .tensor("bias", device.tensor(NdArray.floats(3)));
    return new Copying(device.load(CopyKernel.SPEC, CopyKernel.artifact()), arguments);
  }

  /** Attention, judged by the reference. */
  record Attending(Kernel kernel, Arguments arguments, Shape shape) implements Work {
    private Problem problem(int seed) {
      return Inputs.problem(SPEC, Dtype.BF16, shape, Inputs.Distribution.NORMAL, seed);
    }

    @Override
    public void fill(int seed) {
      Problem problem = problem(seed);
      arguments.q().upload(problem.q());
      arguments.k().upload(problem.k());
      arguments.v().upload(problem.v());
      arguments.o().buffer().fill((byte) 0xFF);
      arguments.lse().orElseThrow().buffer().fill((byte) 0xFF);
    }

    @Override
    public void check(int seed) {
      Problem problem = problem(seed);
      Result result =
          new Result(
              arguments.o().download(),
              Optional.of(arguments.lse().orElseThrow().download()),
              Optional.empty());
      assertEquals(
          "",
          Accuracy.check(problem, result, RowId.sample(shape, 200, seed), Accuracy.Limits.PROMISE)
              .failures(),
          "seed " + seed);
    }

    @Override
    public void close() {
      kernel.close();
    }
  }

  /** O = Q. */
  record Copying(Kernel kernel, Arguments arguments) implements Work {
    private NdArray values(int seed) {
      NdArray values = NdArray.floats(arguments.q().shape());
      for (int i = 0; i < values.floats().length; i++) {
        values.floats()[i] = (i * 31 + seed * 7) % 251;
      }
      return values;
    }

    @Override
    public void fill(int seed) {
      arguments.q().upload(values(seed));
      arguments.o().buffer().fill((byte) 0xFF);
    }

    @Override
    public void check(int seed) {
      assertArrayEquals(values(seed).floats(), arguments.o().download().floats(), "seed " + seed);
    }

    @Override
    public void close() {
      kernel.close();
    }
  }
}
