package dev.attune.runtime;

import dev.attune.compiler.schedule.Target;
import java.util.List;
import java.util.Locale;

/**
 * What a device is.
 *
 * @param kind how it executes
 * @param name as its maker calls it
 * @param target what kernels that run best here are compiled for
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

  /**
   * What to compile the candidates of a kernel for, best first: {@code target}, and one whose
   * kernels take what those for {@code target} refuse.
   */
  public List<Target> targets() {
    return targets(target);
  }

  /** What {@link #targets()} is of devices of a target. */
  public static List<Target> targets(Target target) {
    return target == Target.SM_90A ? List.of(target, Target.SM_90) : List.of(target);
  }

  /** Whether code for a target runs here. */
  public boolean runs(Target other) {
    return other.runsOn(major, minor);
  }
}
