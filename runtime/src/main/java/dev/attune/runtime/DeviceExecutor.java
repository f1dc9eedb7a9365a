package dev.attune.runtime;

import dev.attune.compiler.reference.Executor;
import dev.attune.compiler.reference.Problem;
import dev.attune.compiler.reference.Result;
import dev.attune.compiler.schedule.Target;
import dev.attune.ptx.artifact.Artifact;
import dev.attune.ptx.compile.KernelCompiler;

/**
 * A device as an executor of problems in host memory: compiles, uploads, launches once, downloads.
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
    try (DeviceProblem onDevice = new DeviceProblem(device, problem, artifact)) {
      onDevice.launch();
      return onDevice.result();
    }
  }
}
