package dev.attune.ptx.emulate;

import java.util.ArrayDeque;
import java.util.Arrays;

/**
 * What one warp knows of the {@code wgmma} instructions that it has issued and not waited for:
 * which registers they hold, and which registers other instructions have touched since the last
 * {@code wgmma.fence}. Instructions are numbered from one in the order of issue, which is the same
 * in all warps of a warpgroup.
 */
final class Flight {
  private final Warp warp;

  /** For each register, the last instruction that uses it. */
  private final int[] lastUse;

  /** Whether that use is as an accumulator. */
  private final boolean[] accumulates;

  /** For each register, the number of fences before its last use by another instruction. */
  private final int[] lastTouch;

  private final ArrayDeque<Integer> groupEnds = new ArrayDeque<>();
  private int fences;
  private int issued;
  private int completed;

  Flight(Warp warp, int registers) {
    this.warp = warp;
    this.lastUse = new int[registers];
    this.accumulates = new boolean[registers];
    this.lastTouch = new int[registers];
    Arrays.fill(lastTouch, -1);
  }

  int issued() {
    return issued;
  }

  int completed() {
    return completed;
  }

  boolean pending() {
    return completed < issued;
  }

  void fence() {
    fences++;
  }

  void commit() {
    groupEnds.addLast(issued);
  }

  /** The last instruction that must be complete for at most that many groups to be pending. */
  int boundary(int groups) {
    int excess = groupEnds.size() - groups;
    int end = completed;
    for (int group : groupEnds) {
      if (excess-- <= 0) {
        break;
      }
      end = group;
    }
    return end;
  }

  void complete(int upTo) {
    completed = upTo;
    while (!groupEnds.isEmpty() && groupEnds.getFirst() <= upTo) {
      groupEnds.removeFirst();
    }
  }

  boolean inFlight(int register) {
    return lastUse[register] > completed;
  }

  int lastUse(int register) {
    return lastUse[register];
  }

  /** An ordinary instruction executes. */
  void touch(Instruction instruction) {
    for (int register : instruction.reads) {
      touch(register, "read");
    }
    for (int register : instruction.writes) {
      touch(register, "written");
    }
  }

  private void touch(int register, String how) {
    if (lastUse[register] > completed) {
      throw inFlightFault(register, how);
    }
    lastTouch[register] = fences;
  }

  private Fault inFlightFault(int register, String how) {
    int lastCommitted = groupEnds.isEmpty() ? completed : groupEnds.getLast();
    boolean committed = lastUse[register] <= lastCommitted;
    return new Fault(
        -1,
        "in flight: register '"
            + name(register)
            + "' is "
            + how
            + " while a wgmma "
            + (accumulates[register] ? "accumulates in it" : "reads it as A")
            + ": wgmma."
            + (committed ? "wait_group" : "commit_group")
            + " is missing");
  }

  private String name(int register) {
    return warp.cta.launch().program().registerNames().get(register);
  }

  /**
   * Checks the registers of a {@code wgmma} about to be issued.
   *
   * @return whether its accumulators are those of one in flight
   */
  boolean checkIssue(WarpgroupMultiply instruction, Warpgroup group) {
    if (fences == 0) {
      throw new Fault(-1, "no wgmma.fence comes before the first wgmma of the warp");
    }
    for (int register : instruction.left()) {
      if (inFlight(register) && accumulates[register]) {
        throw inFlightFault(register, "read as A");
      }
      checkFenced(register);
    }
    boolean continues = inFlight(instruction.writes[0]);
    for (int register : instruction.writes) {
      if (inFlight(register)
          && (!accumulates[register] || !group.accumulates(lastUse[register], instruction))) {
        throw inFlightFault(register, "used as accumulator of another shape or place");
      }
      checkFenced(register);
    }
    return continues;
  }

  private void checkFenced(int register) {
    if (lastTouch[register] == fences) {
      throw new Fault(
          -1,
          "unfenced: register '"
              + name(register)
              + "' is used by wgmma after another instruction with no wgmma.fence in between");
    }
  }

  /** Issues one; returns its number. */
  int issue(WarpgroupMultiply instruction) {
    issued++;
    for (int register : instruction.left()) {
      lastUse[register] = issued;
      accumulates[register] = false;
    }
    for (int register : instruction.writes) {
      lastUse[register] = issued;
      accumulates[register] = true;
    }
    return issued;
  }

  /** A warp must not exit with instructions in flight. */
  void checkExit() {
    if (pending()) {
      throw new Fault(
          -1,
          "the warp exits with wgmma in flight: wgmma.commit_group or wgmma.wait_group is missing");
    }
  }
}
