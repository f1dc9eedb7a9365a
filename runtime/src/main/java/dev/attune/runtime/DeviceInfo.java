package dev.attune.runtime;

import dev.attune.compiler.schedule.Target;
import java.util.Locale;

/**
 * What a device is.
 *
 * @param kind how it executes
 * @param name as its maker calls it
 * @param target what to compile for unless told otherwise
 * @param major compute capability, major
 * @param minor compute capability, minor
 * @param multiprocessors SMs, or host threads of an emulated device
 * @param memoryBytes what may be allocated in all
 * @param driver version of the driver's CUDA interface, empty for an emulated device
 */
public record DeviceInfo(
    Kind kind,
    String name,
    Target target,
    int major,
    int minor,
    int multiprocessors,
    long memoryBytes,
    String driver) {

  /** Ways of executing a kernel. */
  public enum Kind {
    CUDA,
    EMULATED;

    /** The name the command line uses. */
    public String keyword() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** Whether code for a target runs here. */
  public boolean runs(Target other) {
    return other.runsOn(major, minor);
  }
}
