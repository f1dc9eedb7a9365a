package dev.attune.ptx;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The code as one lane of a warp, or all its others, can execute it: without the paths that the
 * thread's number rules out.
 */
final class View {
  /** Whether a guarded instruction is executed. */
  enum Executes {
    ALWAYS,
    SOMETIMES,
    NEVER
  }

  private static final int[] NOWHERE = {};

  private final Flow flow;
  private final int warp;
  private final boolean first;
  private final Values values;
  private final Executes[] executes;
  private final int[][] next;
  private final BitSet reached = new BitSet();

  private View(Flow flow, int warp, boolean first, Values values) {
    this.flow = flow;
    this.warp = warp;
    this.first = first;
    this.values = values;
    executes = new Executes[flow.size()];
    for (int i = 0; i < flow.size(); i++) {
      executes[i] = flow.guarded(i).map(this::executes).orElse(Executes.ALWAYS);
    }
    next = flow.blocks().stream().map(this::next).toArray(int[][]::new);
    BitSet open = new BitSet();
    open.set(0);
    while (!open.isEmpty()) {
      int block = open.nextSetBit(0);
      open.clear(block);
      reached.set(block);
      for (int n : next[block]) {
        if (!reached.get(n)) {
          open.set(n);
        }
      }
    }
  }

  /** Two of each warp: of its first lane and of the others. */
  static List<View> all(Flow flow) {
    @Nullable Inst[] definitions = Values.definitions(flow);
    List<View> views = new ArrayList<>();
    for (int w = 0; w < flow.kernel().threads() / 32; w++) {
      views.add(new View(flow, w, true, Values.ofFirst(flow, definitions, w)));
      views.add(new View(flow, w, false, Values.ofOthers(flow, definitions, w)));
    }
    return views;
  }

  /** The views without those that execute the same instructions as one before. */
  static List<View> distinct(List<View> views) {
    List<View> kept = new ArrayList<>();
    for (View v : views) {
      if (kept.stream().noneMatch(k -> Arrays.equals(k.executes, v.executes))) {
        kept.add(v);
      }
    }
    kept.sort(Comparator.comparingInt(View::warp));
    return kept;
  }

  private Executes executes(Inst.Guarded g) {
    Optional<Boolean> holds = values.holds(g.guard());
    return holds.isEmpty()
        ? Executes.SOMETIMES
        : holds.get() != g.negated() ? Executes.ALWAYS : Executes.NEVER;
  }

  private int[] next(Flow.Block b) {
    return switch (executes[b.to() - 1]) {
      case ALWAYS -> b.jump() >= 0 ? new int[] {b.jump()} : either(b.next(), falls(b));
      case NEVER -> either(b.next(), true);
      case SOMETIMES -> b.jump() >= 0 ? new int[] {b.jump(), b.next()} : either(b.next(), true);
    };
  }

  /** Whether an instruction that is executed goes on to the next one. */
  private boolean falls(Flow.Block b) {
    return !(flow.plain(b.to() - 1) instanceof Inst.Ret);
  }

  private static int[] either(int block, boolean there) {
    return there && block >= 0 ? new int[] {block} : NOWHERE;
  }

  Flow flow() {
    return flow;
  }

  int warp() {
    return warp;
  }

  /** Whether it is of the first lane. */
  boolean first() {
    return first;
  }

  /** What is known of its registers. */
  Values values() {
    return values;
  }

  /** Blocks that may follow a block. */
  int[] next(int block) {
    return next[block];
  }

  Executes executes(int at) {
    return executes[at];
  }

  /** Whether the instruction may be executed. */
  boolean mayExecute(int at) {
    return reached.get(flow.block(at)) && executes[at] != Executes.NEVER;
  }

  /** Numbers of the instructions that may be executed and are of one of the classes. */
  List<Integer> executed(List<Class<? extends Inst>> kinds) {
    return flow.places(kinds).stream().filter(this::mayExecute).toList();
  }
}
