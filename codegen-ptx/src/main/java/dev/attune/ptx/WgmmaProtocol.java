package dev.attune.ptx;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;

/**
 * The order that wgmma asks for, on every path (PTX ISA, "Asynchronous wgmma"): a fence between
 * ordinary accesses to accumulators or A registers and a wgmma that takes them; a commit after the
 * last wgmma before a wait; no ordinary access to these registers from the wgmma to a wait that
 * covers its group; nothing in flight at {@code ret}.
 */
final class WgmmaProtocol implements Analysis<WgmmaProtocol.State> {
  private static final int MOST_GROUPS = 8;

  private final Flow flow;
  private final BitSet fragments = new BitSet();

  WgmmaProtocol(Flow flow) {
    this.flow = flow;
    for (int i = 0; i < flow.size(); i++) {
      if (flow.plain(i) instanceof Inst.Wgmma w) {
        set(fragments, flow.numbers(w.d()));
        set(fragments, left(w));
      }
    }
  }

  /** Whether the code has any wgmma. */
  boolean applies() {
    return !fragments.isEmpty();
  }

  /** The registers of wgmmas in flight: accumulators and A. */
  record Group(BitSet d, BitSet a) {
    private Group() {
      this(new BitSet(), new BitSet());
    }

    private Group with(Group other) {
      Group sum = new Group((BitSet) d.clone(), (BitSet) a.clone());
      sum.d.or(other.d);
      sum.a.or(other.a);
      return sum;
    }

    private boolean isEmpty() {
      return d.isEmpty() && a.isEmpty();
    }
  }

  /**
   * @param fenced whether there was a fence at all
   * @param touched fragments accessed since the last fence
   * @param open what is not committed
   * @param groups what is committed, the newest group first
   */
  record State(boolean fenced, BitSet touched, Group open, List<Group> groups) {}

  @Override
  public State start() {
    return new State(false, new BitSet(), new Group(), List.of());
  }

  @Override
  public State through(View view, Flow.Block block, State state) {
    boolean fenced = state.fenced;
    BitSet touched = (BitSet) state.touched.clone();
    Group open = state.open.with(new Group());
    List<Group> groups = new ArrayList<>(state.groups);
    Group flying = flying(open, groups);
    for (int i = block.from(); i < block.to(); i++) {
      if (view.executes(i) == View.Executes.NEVER) {
        continue;
      }
      switch (flow.plain(i)) {
        case Inst.Wgmma w -> {
          if (!fenced) {
            throw flow.fail(i, "no wgmma.fence comes before the first wgmma");
          }
          int[] d = flow.numbers(w.d());
          int[] a = left(w);
          issue(i, d, a, touched, flying);
          set(open.d, d);
          set(open.a, a);
          set(flying.d, d);
          set(flying.a, a);
        }
        case Inst.WgmmaFence f -> {
          fenced = true;
          touched.clear();
        }
        case Inst.WgmmaCommit c -> {
          groups.addFirst(open);
          open = new Group();
          if (groups.size() > MOST_GROUPS) {
            throw flow.fail(i, "more than %d groups may be in flight".formatted(MOST_GROUPS));
          }
        }
        case Inst.WgmmaWait w -> {
          if (!open.isEmpty()) {
            throw flow.fail(i, "a wgmma before this wait is not committed");
          }
          groups = new ArrayList<>(groups.subList(0, Math.min(w.pending(), groups.size())));
          flying = flying(open, groups);
        }
        case Inst.Ret r -> {
          if (!flying.isEmpty()) {
            throw flow.fail(i, "a path leaves the kernel with a wgmma not waited for");
          }
        }
        default -> {
          touch(i, flow.reads(i), touched, flying);
          touch(i, flow.writes(i), touched, flying);
        }
      }
    }
    return new State(fenced, touched, open, trimmed(groups));
  }

  private void issue(int at, int[] d, int[] a, BitSet touched, Group flying) {
    for (int r : d) {
      if (touched.get(r)) {
        throw flow.fail(at, "no wgmma.fence since the accumulator " + flow.name(r) + " was accessed");
      }
      if (flying.a.get(r)) {
        throw flow.fail(at, "the accumulator " + flow.name(r) + " is A of a wgmma in flight");
      }
    }
    for (int r : a) {
      if (touched.get(r)) {
        throw flow.fail(at, "no wgmma.fence since the A register " + flow.name(r) + " was accessed");
      }
      if (flying.d.get(r)) {
        throw flow.fail(at, flow.name(r) + " is the accumulator of a wgmma in flight");
      }
    }
  }

  private void touch(int at, int[] registers, BitSet touched, Group flying) {
    for (int r : registers) {
      if (fragments.get(r)) {
        if (flying.d.get(r) || flying.a.get(r)) {
          throw flow.fail(at, flow.name(r) + " belongs to a wgmma that is not waited for");
        }
        touched.set(r);
      }
    }
  }

  private int[] left(Inst.Wgmma w) {
    return switch (w.a()) {
      case Inst.Left.Shared s -> new int[0];
      case Inst.Left.Registers(List<Reg> regs) -> flow.numbers(regs);
    };
  }

  private static void set(BitSet bits, int[] registers) {
    for (int r : registers) {
      bits.set(r);
    }
  }

  private static Group flying(Group open, List<Group> groups) {
    Group all = open.with(new Group());
    for (Group g : groups) {
      all = all.with(g);
    }
    return all;
  }

  /** Without the oldest groups that hold nothing: they wait for nothing. */
  private static List<Group> trimmed(List<Group> groups) {
    int size = groups.size();
    while (size > 0 && groups.get(size - 1).isEmpty()) {
      size--;
    }
    return List.copyOf(groups.subList(0, size));
  }

  @Override
  public State join(View view, Flow.Block block, State a, State b) {
    BitSet touched = (BitSet) a.touched.clone();
    touched.or(b.touched);
    List<Group> groups = new ArrayList<>();
    for (int i = 0; i < Math.max(a.groups.size(), b.groups.size()); i++) {
      Group left = i < a.groups.size() ? a.groups.get(i) : new Group();
      groups.add(i < b.groups.size() ? left.with(b.groups.get(i)) : left);
    }
    return new State(a.fenced && b.fenced, touched, a.open.with(b.open), groups);
  }
}
