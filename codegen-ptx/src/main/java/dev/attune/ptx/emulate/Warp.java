package dev.attune.ptx.emulate;

import java.util.Arrays;
import java.util.Locale;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/**
 * One warp: its registers, and its lanes in groups with a common program counter. Of several groups
 * the one with the least counter runs, and groups that meet are one again. A group that needs lanes
 * of another one waits for them.
 */
final class Warp {
  final Cta cta;
  final int index;
  final int[] ints;
  final long[] longs;
  final Counters counters;
  final AsyncCopies copies;
  final BulkStores stores;
  final Flight flight;
  final SplittableRandom random;
  private final int[] predicates;
  private final int[] initialised;
  private final Instruction[] code;

  /** The group that runs, then the others. */
  private final int[] groupCounter = new int[32];

  private final int[] groupMask = new int[32];
  private final boolean[] groupParked = new boolean[32];

  /** The memory barrier that each group waits at, if any. */
  private final @Nullable Mbarrier[] groupBarrier = new Mbarrier[32];

  private int groups = 1;
  private final int present;
  private int live;

  /** Whether every group waits, one of them at a memory barrier. */
  private boolean stalled;

  /** Where a wait for a memory barrier last failed, and in which phase of which barrier. */
  private int failedAt = -1;

  private @Nullable Mbarrier failedBarrier;
  private int failedPhase;

  /** The barrier that the warp waits at, or −1. */
  private int barrier = -1;

  /** The {@code wgmma} that the other warps of the warpgroup must come to first, or zero. */
  private int held;

  private final boolean warpgroups;

  Warp(Cta cta, int index, int threads, SplittableRandom random) {
    Program program = cta.launch().program();
    this.cta = cta;
    this.index = index;
    this.ints = program.intTemplate().clone();
    this.longs = program.longTemplate().clone();
    this.predicates = new int[program.predicateSlots()];
    this.predicates[Program.TRUE] = -1;
    this.initialised = new int[program.registers()];
    this.code = program.code();
    this.counters = cta.counters();
    this.random = random;
    this.copies = new AsyncCopies(this);
    this.stores = new BulkStores(this);
    this.flight = new Flight(this, program.registers());
    this.warpgroups = program.warpgroups();
    this.present = threads == 32 ? -1 : (1 << threads) - 1;
    this.live = present;
    this.groupMask[0] = live;
    program
        .specials()
        .forEach(
            (special, slot) -> {
              for (int lane = 0; lane < 32; lane++) {
                ints[(slot * 32) + lane] = special.value(cta, index, lane);
              }
            });
  }

  boolean finished() {
    return live == 0;
  }

  boolean runnable() {
    return live != 0 && barrier < 0 && !stalled && held == 0 && !cta.registers().waits(index);
  }

  /** The lanes that the warp started with. */
  int present() {
    return present;
  }

  int live() {
    return live;
  }

  /** The lanes of the running group. */
  int active() {
    return groupMask[0];
  }

  /** A predicate by its slot, or the complement of a slot. */
  int predicate(int slot) {
    return slot >= 0 ? predicates[slot] : ~predicates[~slot];
  }

  void setPredicate(int slot, int mask, int value) {
    predicates[slot] = (predicates[slot] & ~mask) | (value & mask);
  }

  /** Runs until the warp blocks, ends, or has executed that many instructions. */
  void run(int instructions) {
    Instruction instruction = code[0];
    try {
      for (int left = instructions; left > 0 && runnable(); left--) {
        if ((groups > 1 || groupBarrier[0] != null) && !choose()) {
          stalled = true;
          return;
        }
        int counter = groupCounter[0];
        if (counter == code.length) {
          throw new Fault(-1, "the end of the entry is reached without ret or exit");
        }
        instruction = code[counter];
        step(instruction, groupMask[0]);
      }
    } catch (Fault fault) {
      throw failure(fault, instruction.header);
    }
  }

  /** The report of a rule that an instruction of this warp breaks. */
  EmulationException failure(Fault fault, Header header) {
    return new EmulationException(describe(fault, header));
  }

  private void step(Instruction instruction, int active) {
    groupCounter[0]++;
    int mask = active;
    if (instruction.guard >= 0) {
      checkGuard(instruction, active);
      int guard = predicates[instruction.guard];
      mask &= instruction.guardNegated ? ~guard : guard;
    }
    counters.warpInstructions++;
    if (instruction.convergent()) {
      if (mask != 0 && mask != active) {
        throw new Fault(
            Integer.numberOfTrailingZeros(active & ~mask),
            "divergent: the guard switches off some lanes of an instruction that all must execute");
      }
    }
    if (mask == 0) {
      return;
    }
    if (warpgroups && !instruction.ofWarpgroup()) {
      flight.touch(instruction);
    }
    int missing = 0;
    for (int register : instruction.reads) {
      missing |= ~initialised[register];
    }
    if ((missing & mask) != 0) {
      uninitialised(instruction, mask);
    }
    counters.threadInstructions += Integer.bitCount(mask);
    instruction.execute(this, mask);
    for (int register : instruction.writes) {
      initialised[register] |= mask;
    }
  }

  private void checkGuard(Instruction instruction, int active) {
    // The guard is always the first register read.
    int lanes = ~initialised[instruction.reads[0]] & active;
    if (lanes != 0) {
      throw unset(instruction.reads[0], lanes);
    }
  }

  private void uninitialised(Instruction instruction, int mask) {
    for (int register : instruction.reads) {
      int lanes = ~initialised[register] & mask;
      if (lanes != 0) {
        throw unset(register, lanes);
      }
    }
  }

  /** All lanes of these registers must have been written. */
  void checkInitialised(int[] registers) {
    for (int register : registers) {
      if (initialised[register] != -1) {
        throw unset(register, ~initialised[register]);
      }
    }
  }

  private Fault unset(int register, int lanes) {
    return new Fault(
        Integer.numberOfTrailingZeros(lanes),
        "register '"
            + cta.launch().program().registerNames().get(register)
            + "' is read before it is written");
  }

  // Divergence.

  /**
   * Makes the group with the least counter the running one, merging groups that meet. Returns
   * whether there is one that need not wait.
   */
  private boolean choose() {
    int best = -1;
    for (int g = 0; g < groups; g++) {
      for (int h = g + 1; h < groups; ) {
        if (groupCounter[g] == groupCounter[h]) {
          groupMask[g] |= groupMask[h];
          groupParked[g] = false;
          groupBarrier[g] = null;
          remove(h);
        } else {
          h++;
        }
      }
    }
    boolean waiting = false;
    for (int g = 0; g < groups; g++) {
      waiting |= groupBarrier[g] != null;
      if (!groupParked[g]
          && groupBarrier[g] == null
          && (best < 0 || groupCounter[g] < groupCounter[best])) {
        best = g;
      }
    }
    if (best < 0 && waiting) {
      return false;
    }
    if (best < 0) {
      divergent();
    }
    swap(best);
    return true;
  }

  private void divergent() {
    StringBuilder message =
        new StringBuilder("divergent: lanes of the warp wait for each other in different places");
    for (int g = 0; g < groups; g++) {
      Header header = code[groupCounter[g]].header;
      message
          .append(String.format(Locale.ROOT, "%n  lanes %08x ", groupMask[g]))
          .append(header.where());
    }
    throw new Fault(Integer.numberOfTrailingZeros(groupMask[0]), message.toString());
  }

  private void swap(int group) {
    int counter = groupCounter[0];
    int mask = groupMask[0];
    boolean parked = groupParked[0];
    Mbarrier waits = groupBarrier[0];
    groupCounter[0] = groupCounter[group];
    groupMask[0] = groupMask[group];
    groupParked[0] = groupParked[group];
    groupBarrier[0] = groupBarrier[group];
    groupCounter[group] = counter;
    groupMask[group] = mask;
    groupParked[group] = parked;
    groupBarrier[group] = waits;
  }

  private void remove(int group) {
    groups--;
    groupCounter[group] = groupCounter[groups];
    groupMask[group] = groupMask[groups];
    groupParked[group] = groupParked[groups];
    groupBarrier[group] = groupBarrier[groups];
  }

  /** Lanes in {@code mask} go on at {@code target}, the others of the running group behind. */
  void branch(int mask, int target) {
    int others = groupMask[0] & ~mask;
    if (others != 0) {
      groupMask[groups] = others;
      groupCounter[groups] = groupCounter[0];
      groupParked[groups] = false;
      groupBarrier[groups] = null;
      groups++;
      groupMask[0] = mask;
    }
    groupCounter[0] = target;
  }

  void exit(int mask) {
    stores.checkExit(mask);
    live &= ~mask;
    groupMask[0] &= ~mask;
    if (groupMask[0] == 0) {
      swap(groups - 1);
      groups--;
    }
    for (int g = 0; g < groups; g++) {
      groupParked[g] = false;
    }
  }

  /**
   * Whether the running group holds all lanes that an instruction needs. If not, the group waits at
   * it until the others come; lanes that never can come are an error.
   */
  boolean gathered(int needed, String what) {
    int active = groupMask[0];
    if ((needed & ~live) != 0) {
      throw new Fault(
          Integer.numberOfTrailingZeros(needed & ~live),
          what
              + " needs lanes that have exited or do not exist: "
              + String.format(Locale.ROOT, "%08x", needed & ~live));
    }
    if ((needed & ~active) == 0) {
      return true;
    }
    groupCounter[0]--;
    groupParked[0] = true;
    counters.warpInstructions--;
    return false;
  }

  // Barriers.

  void waitAt(int id) {
    barrier = id;
  }

  void release() {
    barrier = -1;
  }

  /**
   * The running group asks in vain whether a phase of a memory barrier has completed. Returns
   * whether it asks again and so has to wait for the phase, at the instruction.
   */
  boolean blockAt(Mbarrier memoryBarrier) {
    int at = groupCounter[0] - 1;
    if (failedAt != at || failedBarrier != memoryBarrier || failedPhase != memoryBarrier.phase()) {
      failedAt = at;
      failedBarrier = memoryBarrier;
      failedPhase = memoryBarrier.phase();
      return false;
    }
    groupCounter[0]--;
    groupBarrier[0] = memoryBarrier;
    counters.warpInstructions--;
    return true;
  }

  /** A phase of some memory barrier has completed: who waits for one asks again. */
  void wake() {
    Arrays.fill(groupBarrier, 0, Math.max(1, groups), null);
    stalled = false;
  }

  /** Executes the instruction again when all warps of the warpgroup have come to a wgmma. */
  void hold(int number) {
    groupCounter[0]--;
    counters.warpInstructions--;
    held = number;
  }

  /** All warps of the warpgroup have come to a wgmma. */
  void unhold(int number) {
    if (held <= number) {
      held = 0;
    }
  }

  /** The position, for a report of a deadlock. */
  String position() {
    if (live == 0) {
      return "warp " + index + " has exited";
    }
    StringBuilder text = new StringBuilder("warp " + index);
    for (int g = 0; g < groups; g++) {
      if (groups > 1) {
        text.append(String.format(Locale.ROOT, "%s lanes %08x", g == 0 ? "" : ";", groupMask[g]));
      }
      text.append(state(g));
    }
    return text.toString();
  }

  private String state(int group) {
    Mbarrier memoryBarrier = groupBarrier[group];
    boolean behind = group == 0 && (barrier >= 0 || cta.registers().waits(index));
    int counter = Math.max(0, groupCounter[group] - (behind ? 1 : 0));
    String state = " is ";
    if (memoryBarrier != null) {
      state = " waits at " + memoryBarrier + ", ";
    } else if (behind && barrier >= 0) {
      state = " waits at barrier " + barrier + " (" + cta.barriers().describe(barrier) + ") ";
    } else if (behind) {
      state = " waits for registers (" + cta.registers() + ") ";
    } else if (group == 0 && held != 0) {
      state = " waits for the other warps of its warpgroup ";
    } else if (groupParked[group]) {
      state = " waits for other lanes ";
    }
    return state + code[Math.min(counter, code.length - 1)].header.where();
  }

  private String describe(Fault fault, Header header) {
    String thread = "";
    if (fault.lane() >= 0) {
      thread = ", lane " + fault.lane() + " (thread " + ((index * 32) + fault.lane()) + ")";
    }
    return fault.what()
        + "\n  CTA ("
        + cta.x()
        + ", "
        + cta.y()
        + ", "
        + cta.z()
        + "), warp "
        + index
        + thread
        + "\n  "
        + header.where();
  }
}
