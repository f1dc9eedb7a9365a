package dev.attune.compiler.schedule;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/**
 * A GPU architecture that kernels are compiled for, with the limits that schedules must respect
 * (CUDA C++ Programming Guide, "Technical Specifications per Compute Capability").
 */
public enum Target {
  SM_80("sm_80", 163 * 1024, 164 * 1024),
  SM_86("sm_86", 99 * 1024, 100 * 1024),
  SM_87("sm_87", 163 * 1024, 164 * 1024),
  SM_89("sm_89", 99 * 1024, 100 * 1024),
  SM_90("sm_90", 227 * 1024, 228 * 1024),
  SM_90A("sm_90a", 227 * 1024, 228 * 1024);

  private final String ptxName;
  private final int sharedBytesPerBlock;
  private final int sharedBytesPerSm;

  Target(String ptxName, int sharedBytesPerBlock, int sharedBytesPerSm) {
    this.ptxName = ptxName;
    this.sharedBytesPerBlock = sharedBytesPerBlock;
    this.sharedBytesPerSm = sharedBytesPerSm;
  }

  /** The name PTX and the command line use. */
  public String ptxName() {
    return ptxName;
  }

  /** The most shared memory one CTA may have, in bytes. */
  public int sharedBytesPerBlock() {
    return sharedBytesPerBlock;
  }

  /** Shared memory of one SM, in bytes; every resident CTA takes 1 KiB besides its own. */
  public int sharedBytesPerSm() {
    return sharedBytesPerSm;
  }

  /** 32-bit registers of one SM. */
  public int registersPerSm() {
    return 64 * 1024;
  }

  /** The most registers a thread may have. */
  public int registersPerThread() {
    return 255;
  }

  /** Whether code for this target runs on a device of the compute capability. */
  public boolean runsOn(int major, int minor) {
    int capability = major * 10 + minor;
    int own = Integer.parseInt(ptxName.replaceAll("\\D", ""));
    return this == SM_90A ? capability == 90 : capability >= own;
  }

  /**
   * The target of a name such as {@code sm_90a}.
   *
   * @throws IllegalArgumentException naming the known targets
   */
  public static Target parse(String name) {
    return Arrays.stream(values())
        .filter(t -> t.ptxName.equals(name.toLowerCase(Locale.ROOT)))
        .findFirst()
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "unknown target '%s'; known are %s"
                        .formatted(
                            name,
                            Arrays.stream(values())
                                .map(Target::ptxName)
                                .collect(Collectors.joining(", ")))));
  }
}
