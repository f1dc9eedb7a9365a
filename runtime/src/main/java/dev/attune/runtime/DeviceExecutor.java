package dev.attune.runtime;

import dev.attune.compiler.reference.Executor;
import dev.attune.compiler.reference.Problem;
import dev.attune.compiler.reference.Result;
import dev.attune.compiler.schedule.Target;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.NdArray;
import dev.attune.compiler.spec.Normalization;
import dev.attune.compiler.spec.Output;
import dev.attune.compiler.spec.Shape;
import dev.attune.ptx.artifact.Artifact;
import dev.attune.ptx.compile.KernelCompiler;
import java.util.Arrays;
import java.util.Optional;

/**
 * A device as an executor of problems in host memory: compiles, uploads, launches once, downloads. Outputs
 * start as NaN, so that what a kernel leaves unwritten shows.
 */
public final class DeviceExecutor implements Executor {
  private final Device device;
  private final Target target;

  /** Runs problems on a device with kernels for a target. */
  public DeviceExecutor(Device device, Target target) {
    this.device = device;
    this.target = target;
  }

  @Override
  public Result run(Problem problem) {
    KernelCompiler.Options options =
        new KernelCompiler.Options(target, problem.dtype(), problem.shape().headDim());
    return run(problem, KernelCompiler.compile(problem.spec(), options).artifact());
  }

  /** Runs a problem with a kernel that was compiled for it. */
  public Result run(Problem problem, Artifact artifact) {
    AttentionSpec spec = problem.spec();
    Shape s = problem.shape();
    boolean softmax = spec.normalization() instanceof Normalization.Softmax;
    boolean maximum = softmax && spec.outputs().contains(Output.MAX_SCORE);
    try (Kernel kernel = device.load(spec, artifact)) {
      Tensor q = device.tensor(problem.dtype(), problem.q());
      Tensor k = device.tensor(problem.dtype(), problem.k());
      Tensor v = device.tensor(problem.dtype(), problem.v());
      Tensor o = device.tensor(problem.dtype(), nan(s.batch(), s.seq(), s.heads(), s.headDim().v()));
      Arguments arguments = Arguments.of(q, k, v, o).scale(problem.bindings().scale());
      Optional<Tensor> lse = softmax ? Optional.of(device.tensor(rows(s))) : Optional.empty();
      Optional<Tensor> most = maximum ? Optional.of(device.tensor(rows(s))) : Optional.empty();
      if (lse.isPresent()) {
        arguments = arguments.lse(lse.get());
      }
      if (most.isPresent()) {
        arguments = arguments.maxScore(most.get());
      }
      for (var p : problem.bindings().params().entrySet()) {
        arguments = arguments.param(p.getKey(), p.getValue());
      }
      for (var t : problem.bindings().tensors().entrySet()) {
        arguments = arguments.tensor(t.getKey(), device.tensor(t.getValue()));
      }
      kernel.launch(device.stream(), arguments);
      device.synchronize();
      Result result =
          new Result(o.download(), lse.map(Tensor::download), most.map(Tensor::download));
      for (Tensor t : arguments.tensors().values()) {
        t.buffer().close();
      }
      for (Tensor t : new Tensor[] {q, k, v, o}) {
        t.buffer().close();
      }
      lse.ifPresent(t -> t.buffer().close());
      most.ifPresent(t -> t.buffer().close());
      return result;
    }
  }

  private static NdArray rows(Shape s) {
    return nan(s.batch(), s.heads(), s.seq());
  }

  private static NdArray nan(int... shape) {
    NdArray array = NdArray.floats(shape);
    Arrays.fill(array.floats(), Float.NaN);
    return array;
  }
}
