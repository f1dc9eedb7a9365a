package dev.attune.ptx.assemble;

import java.util.List;
import java.util.regex.Pattern;

/**
 * Refuses machine code of warp-specialised kernels that is not what was written: the assembler
 * spilled, waited on its own, or left {@code setmaxnreg} out. Such a kernel is right, but not worth
 * launching.
 */
final class WarpgroupGate {
  private static final Pattern WARPGROUPS =
      Pattern.compile("^[^/]*\\b(?:wgmma|setmaxnreg)\\.", Pattern.MULTILINE);

  private WarpgroupGate() {}

  /** Whether the PTX has instructions of warpgroups. */
  static boolean applies(String ptx) {
    return WARPGROUPS.matcher(ptx).find();
  }

  /**
   * Refuses what the assembler changed.
   *
   * @throws AssemblyException with everything found
   */
  static void check(Assembly assembly) {
    List<String> found = assembly.flaws();
    if (!found.isEmpty()) {
      throw new AssemblyException(
          "the assembler did not take the kernel as it was written:\n  "
              + String.join("\n  ", found));
    }
  }
}
