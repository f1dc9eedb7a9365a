package dev.attune.runtime;

import dev.attune.compiler.reference.Problem;
import dev.attune.compiler.reference.Result;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Normalization;
import dev.attune.compiler.spec.Output;
import dev.attune.compiler.spec.Shape;
import dev.attune.ptx.artifact.Artifact;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A problem of host memory laid out on a device with its kernel, ready to be launched any number of
 * times. Outputs start as NaN, so that what a kernel leaves unwritten shows.
 */
public final class DeviceProblem implements AutoCloseable {
  private final Device device;
  private final Kernel kernel;
  private final List<Buffer> buffers = new ArrayList<>();
  private final Arguments arguments;
  private final Tensor output;
  private final Optional<Tensor> lse;
  private final Optional<Tensor> maxScore;

  /**
   * Uploads a problem and loads a kernel that was compiled for it.
   *
   * @param candidates best first, at least one
   */
  public DeviceProblem(Device device, Problem problem, List<Artifact> candidates) {
    AttentionSpec spec = problem.spec();
    Shape s = problem.shape();
    boolean softmax = spec.normalization() instanceof Normalization.Softmax;
    boolean most = softmax && spec.outputs().contains(Output.MAX_SCORE);
    this.device = device;
    this.kernel = device.load(spec, candidates);
    this.output =
        unwritten(ElementType.of(problem.dtype()), s.batch(), s.seq(), s.heads(), s.headDim().v());
    this.lse = softmax ? Optional.of(perRow(s)) : Optional.empty();
    this.maxScore = most ? Optional.of(perRow(s)) : Optional.empty();
    Arguments a =
        Arguments.of(
                kept(device.tensor(problem.dtype(), problem.q())),
                kept(device.tensor(problem.dtype(), problem.k())),
                kept(device.tensor(problem.dtype(), problem.v())),
                output)
            .scale(problem.bindings().scale());
    if (lse.isPresent()) {
      a = a.lse(lse.get());
    }
    if (maxScore.isPresent()) {
      a = a.maxScore(maxScore.get());
    }
    for (var p : problem.bindings().params().entrySet()) {
      a = a.param(p.getKey(), p.getValue());
    }
    for (var t : problem.bindings().tensors().entrySet()) {
      a = a.tensor(t.getKey(), kept(device.tensor(t.getValue())));
    }
    this.arguments = a;
  }

  /** What every candidate says to the problem, best first; the first that accepts is launched. */
  public List<Kernel.Verdict> verdicts() {
    return kernel.explain(arguments);
  }

  /** Launches the kernel on the device's own stream, without waiting for it. */
  public void launch() {
    kernel.launch(device.stream(), arguments);
  }

  /** The outputs, once everything launched has finished. */
  public Result result() {
    device.synchronize();
    return new Result(output.download(), lse.map(Tensor::download), maxScore.map(Tensor::download));
  }

  @Override
  public void close() {
    kernel.close();
    buffers.forEach(Buffer::close);
  }

  private Tensor kept(Tensor tensor) {
    buffers.add(tensor.buffer());
    return tensor;
  }

  private Tensor perRow(Shape s) {
    return unwritten(ElementType.F32, s.batch(), s.heads(), s.seq());
  }

  /** A tensor of NaN: every byte 0xFF is one in each float type. */
  private Tensor unwritten(ElementType type, int... shape) {
    Tensor tensor = kept(device.empty(type, shape));
    tensor.buffer().fill((byte) 0xFF);
    return tensor;
  }
}
