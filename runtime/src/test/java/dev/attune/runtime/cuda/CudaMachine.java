package dev.attune.runtime.cuda;

import dev.attune.runtime.vectors.Machine;

/** A GPU that runs any kernel, not only those of an attention. */
public final class CudaMachine {
  private CudaMachine() {}

  /** The machine of a device. */
  public static Machine of(CudaDevice device) {
    return new Machine(device, artifact -> new CudaCode(device, artifact, CudaCode.Source.DRIVER));
  }
}
