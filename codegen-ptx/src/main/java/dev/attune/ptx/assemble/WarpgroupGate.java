package dev.attune.ptx.assemble;

import java.util.ArrayList;
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
   * Looks for what the assembler changed.
   *
   * @throws AssemblyException with everything found, and what to do about it
   */
  static void check(Assembly assembly) {
    List<String> found = new ArrayList<>();
    for (Assembly.Entry entry : assembly.entries()) {
      if (entry.spillStores() + entry.spillLoads() + entry.stackBytes() > 0) {
        found.add(
            ("%s keeps %d bytes of each thread in local memory (%d bytes spilled, %d loaded back):"
                    + " give a warpgroup smaller tiles or more registers")
                .formatted(
                    entry.name(), entry.stackBytes(), entry.spillStores(), entry.spillLoads()));
      }
    }
    for (Notice notice : assembly.notices()) {
      if (notice.message().contains("setmaxnreg")) {
        found.add(
            notice
                + (notice.message().contains("register requirements")
                    ? ": a role needs more registers than it sets"
                    : ": state .reqntid and .minnctapersm 1"));
      } else if (notice.serializes()) {
        found.add(
            notice
                + ": leave accumulators and A registers alone from a wgmma to its wait, and keep"
                + " both in code that the whole warpgroup executes");
      }
    }
    if (!found.isEmpty()) {
      throw new AssemblyException(
          "the assembler did not take the kernel as it was written:\n  "
              + String.join("\n  ", found));
    }
  }
}
