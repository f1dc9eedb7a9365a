package dev.attune.runtime.emulated;

import dev.attune.runtime.vectors.Machine;

/** An emulator that runs any kernel, not only those of an attention. */
public final class EmulatedMachine {
  private EmulatedMachine() {}

  /** The machine of a device. */
  public static Machine of(EmulatedDevice device) {
    return new Machine(device, artifact -> new EmulatedCode(device, artifact));
  }
}
