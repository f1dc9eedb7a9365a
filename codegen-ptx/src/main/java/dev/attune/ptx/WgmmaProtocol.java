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

  /** The different accumulators, as sets of registers. */
  private final List<BitSet> tiles = new ArrayList<>();

  WgmmaProtocol(Flow flow) {
    this.flow = flow;
    for (int i = 0; i < flow.size(); i++) {
      if (flow.plain(i) instanceof Inst.Wgmma w) {
        set(fragments, flow.numbers(w.d()));
        set(fragments, left(w));
        if (!tiles.contains(accumulator(w))) {
          tiles.add(accumulator(w));
        }
      }
    }
  }

  private BitSet accumulator(Inst.Wgmma w) {
    BitSet registers = new BitSet();
    set(registers, flow.numbers(w.d()));
    return registers;
  }

  /** Whether the code has any wgmma. */
  boolean applies() {
    return !fragments.isEmpty();
  }

  /** The registers of wgmmas in flight: accumulators, as registers and as tiles, and A. */
  record Group(BitSet d, BitSet tiles, BitSet a) {
    private Group() {
      this(new BitSet(), new BitSet(), new BitSet());
    }

    private Group with(Group other) {
      Group sum = new Group((BitSet) d.clone(), (BitSet) tiles.clone(), (BitSet) a.clone());
      sum.d.or(other.d);
      sum.tiles.or(other.tiles);
      sum.a.or(other.a);
      return sum;
    }

    private void add(int[] accumulator, int tile, int[] left) {
      set(d, accumulator);
      tiles.set(tile);
      set(a, left);
    }

    private boolean isEmpty() {
      return d.isEmpty();
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
          int tile = tiles.indexOf(accumulator(w));
          issue(i, d, tile, a, touched, flying);
          open.add(d, tile, a);
          flying.add(d, tile, a);
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

  private void issue(int at, int[] d, int tile, int[] a, BitSet touched, Group flying) {
    for (int r : d) {
      if (touched.get(r)) {
        throw flow.fail(
            at, "no wgmma.fence since the accumulator " + flow.name(r) + " was accessed");
      }
    }
    BitSet own = tiles.get(tile);
    for (int t = flying.tiles.nextSetBit(0); t >= 0; t = flying.tiles.nextSetBit(t + 1)) {
      if (t != tile && tiles.get(t).intersects(own)) {
        BitSet common = (BitSet) own.clone();
        common.and(tiles.get(t));
        throw flow.fail(
            at,
            "the accumulator %s is in flight with another shape"
                .formatted(flow.name(common.nextSetBit(0))));
      }
    }
    for (int r : a) {
      if (touched.get(r)) {
        throw flow.fail(
            at, "no wgmma.fence since the A register " + flow.name(r) + " was accessed");
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
