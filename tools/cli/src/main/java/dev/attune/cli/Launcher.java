package dev.attune.cli;

import dev.attune.compiler.reference.Problem;
import dev.attune.compiler.reference.Result;
import dev.attune.compiler.spec.Normalization;
import dev.attune.compiler.spec.Output;
import dev.attune.compiler.spec.Shape;
import dev.attune.ptx.artifact.Artifact;
import dev.attune.runtime.Arguments;
import dev.attune.runtime.Device;
import dev.attune.runtime.DeviceInfo;
import dev.attune.runtime.ElementType;
import dev.attune.runtime.Event;
import dev.attune.runtime.Kernel;
import dev.attune.runtime.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Runs a kernel on a problem and times it. */
final class Launcher {
  private static final int WARM_UP = 3;
  private static final int TIMED = 11;

  private Launcher() {}

  /**
   * What a launch gave.
   *
   * @param milliseconds the median of several launches on a CUDA device, the only one on an
   *     emulated device
   */
  record Outcome(Result result, double milliseconds) {}

  /** Uploads, launches, downloads. Outputs start as NaN: what is not written shows. */
  static Outcome run(Device device, Problem problem, Artifact artifact) {
    Shape s = problem.shape();
    boolean softmax = problem.spec().normalization() instanceof Normalization.Softmax;
    try (Kernel kernel = device.load(problem.spec(), artifact)) {
      Tensor o =
          unwritten(
              device,
              ElementType.of(problem.dtype()),
              s.batch(),
              s.seq(),
              s.heads(),
              s.headDim().v());
      Arguments arguments =
          Arguments.of(
                  device.tensor(problem.dtype(), problem.q()),
                  device.tensor(problem.dtype(), problem.k()),
                  device.tensor(problem.dtype(), problem.v()),
                  o)
              .scale(problem.bindings().scale());
      Optional<Tensor> lse = softmax ? Optional.of(perRow(device, s)) : Optional.empty();
      Optional<Tensor> most =
          softmax && problem.spec().outputs().contains(Output.MAX_SCORE)
              ? Optional.of(perRow(device, s))
              : Optional.empty();
      if (lse.isPresent()) {
        arguments = arguments.lse(lse.get());
      }
      if (most.isPresent()) {
        arguments = arguments.maxScore(most.get());
      }
      for (Map.Entry<String, Double> param : problem.bindings().params().entrySet()) {
        arguments = arguments.param(param.getKey(), param.getValue());
      }
      for (var tensor : problem.bindings().tensors().entrySet()) {
        arguments = arguments.tensor(tensor.getKey(), device.tensor(tensor.getValue()));
      }
      double milliseconds = time(device, kernel, arguments);
      return new Outcome(
          new Result(o.download(), lse.map(Tensor::download), most.map(Tensor::download)),
          milliseconds);
    }
  }

  private static double time(Device device, Kernel kernel, Arguments arguments) {
    boolean cuda = device.info().kind() == DeviceInfo.Kind.CUDA;
    for (int i = 0; cuda && i < WARM_UP; i++) {
      kernel.launch(device.stream(), arguments);
    }
    List<Double> times = new ArrayList<>();
    try (Event start = device.newEvent();
        Event end = device.newEvent()) {
      for (int i = 0; i < (cuda ? TIMED : 1); i++) {
        start.record(device.stream());
        kernel.launch(device.stream(), arguments);
        end.record(device.stream());
        times.add(end.millisecondsSince(start));
      }
    }
    return times.stream().sorted().skip(times.size() / 2).findFirst().orElseThrow();
  }

  private static Tensor perRow(Device device, Shape s) {
    return unwritten(device, ElementType.F32, s.batch(), s.heads(), s.seq());
  }

  /** A tensor of NaN: every byte 0xFF is one in each float type. */
  private static Tensor unwritten(Device device, ElementType type, int... shape) {
    Tensor tensor = device.empty(type, shape);
    tensor.buffer().fill((byte) 0xFF);
    return tensor;
  }
}
