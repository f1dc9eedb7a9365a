package dev.attune.runtime;

import dev.attune.compiler.reference.Executor;
import dev.attune.compiler.reference.Problem;
import dev.attune.compiler.reference.Result;
import dev.attune.compiler.schedule.Target;
import dev.attune.ptx.artifact.Artifact;
import dev.attune.ptx.compile.KernelCompiler;
import java.util.List;
import java.util.function.Function;

/**
 * A device as an executor of problems in host memory: compiles, uploads, launches once, downloads.
 */
public final class DeviceExecutor implements Executor {
  private final Device device;
  private final Function<Problem, List<Artifact>> compiler;

  /**
   * Runs problems on a device with what a compiler makes for each.
   *
   * @param compiler gives the candidates for a problem, best first
   */
  public DeviceExecutor(Device device, Function<Problem, List<Artifact>> compiler) {
    this.device = device;
    this.compiler = compiler;
  }

  /** Runs problems on a device with kernels for a target. */
  public DeviceExecutor(Device device, Target target) {
    this(device, problem -> List.of(compile(problem, target)));
  }

  private static Artifact compile(Problem problem, Target target) {
    KernelCompiler.Options options =
        new KernelCompiler.Options(target, problem.dtype(), problem.shape().headDim());
    return KernelCompiler.compile(problem.spec(), options).artifact();
  }

  @Override
  public Result run(Problem problem) {
    return run(problem, compiler.apply(problem));
  }

  /** Runs a problem with a kernel that was compiled for it. */
  public Result run(Problem problem, Artifact artifact) {
    return run(problem, List.of(artifact));
  }

  /**
   * Runs a problem with the first of some kernels that takes it.
   *
   * @param candidates best first, at least one
   */
  public Result run(Problem problem, List<Artifact> candidates) {
    try (DeviceProblem onDevice = new DeviceProblem(device, problem, candidates)) {
      onDevice.launch();
      return onDevice.result();
    }
  }
}
