package dev.attune.ptx.emulate;

import java.util.Locale;
import java.util.SplittableRandom;
import java.util.function.BooleanSupplier;
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
  final Flight flight;
  final SplittableRandom random;
  private final int[] predicates;
  private final int[] initialised;
  private final Instruction[] code;

  /** The group that runs, then the others. */
  private final int[] groupCounter = new int[32];

  private final int[] groupMask = new int[32];
  private final boolean[] groupParked = new boolean[32];
  private int groups = 1;
  private int live;

  /** The barrier that the warp waits at, or −1. */
  private int barrier = -1;

  /** What must hold for the warp to go on, and what it waits for in words. */
  private @Nullable BooleanSupplier held;

  private String heldWhy = "";
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
    this.flight = new Flight(this, program.registers());
    this.warpgroups = program.warpgroups();
    this.live = threads == 32 ? -1 : (1 << threads) - 1;
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
    BooleanSupplier condition = held;
    return live != 0 && barrier < 0 && (condition == null || condition.getAsBoolean());
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
    held = null;
    try {
      for (int left = instructions;
          left > 0 && live != 0 && barrier < 0 && held == null;
          left--) {
        if (groups > 1) {
          choose();
        }
        int counter = groupCounter[0];
        if (counter == code.length) {
          throw new Fault(-1, "the end of the entry is reached without ret or exit");
        }
        instruction = code[counter];
        step(instruction, groupMask[0]);
      }
    } catch (Fault fault) {
      throw new EmulationException(describe(fault, instruction));
    }
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

  /** Makes the group with the least counter the running one, merging groups that meet. */
  private void choose() {
    int best = -1;
    for (int g = 0; g < groups; g++) {
      for (int h = g + 1; h < groups; ) {
        if (groupCounter[g] == groupCounter[h]) {
          groupMask[g] |= groupMask[h];
          groupParked[g] = false;
          remove(h);
        } else {
          h++;
        }
      }
    }
    for (int g = 0; g < groups; g++) {
      if (!groupParked[g] && (best < 0 || groupCounter[g] < groupCounter[best])) {
        best = g;
      }
    }
    if (best < 0) {
      divergent();
    }
    swap(best);
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
    groupCounter[0] = groupCounter[group];
    groupMask[0] = groupMask[group];
    groupParked[0] = groupParked[group];
    groupCounter[group] = counter;
    groupMask[group] = mask;
    groupParked[group] = parked;
  }

  private void remove(int group) {
    groups--;
    groupCounter[group] = groupCounter[groups];
    groupMask[group] = groupMask[groups];
    groupParked[group] = groupParked[groups];
  }

  /** Lanes in {@code mask} go on at {@code target}, the others of the running group behind. */
  void branch(int mask, int target) {
    int others = groupMask[0] & ~mask;
    if (others != 0) {
      groupMask[groups] = others;
      groupCounter[groups] = groupCounter[0];
      groupParked[groups] = false;
      groups++;
      groupMask[0] = mask;
    }
    groupCounter[0] = target;
  }

  void exit(int mask) {
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

  /** The running group executes its instruction again once the condition holds. */
  void retryWhen(BooleanSupplier condition, String why) {
    groupCounter[0]--;
    counters.warpInstructions--;
    held = condition;
    heldWhy = why;
  }

  /** The position, for a report of a deadlock. */
  String position() {
    if (live == 0) {
      return "warp " + index + " has exited";
    }
    int counter = Math.max(0, groupCounter[0] - (barrier >= 0 ? 1 : 0));
    String state =
        barrier >= 0
            ? " waits at barrier " + barrier + " "
            : held != null ? " " + heldWhy + " " : " is ";
    return "warp " + index + state + code[Math.min(counter, code.length - 1)].header.where();
  }

  private String describe(Fault fault, Instruction instruction) {
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
        + instruction.header.where();
  }
}
