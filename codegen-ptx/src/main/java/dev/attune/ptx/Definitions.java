package dev.attune.ptx;

import java.util.BitSet;
import java.util.HashSet;
import java.util.Set;

/**
 * On every path a register is written before it is read. A write that may not happen counts only
 * for readers under the same guard.
 */
final class Definitions implements Analysis<Definitions.State> {
  private final Flow flow;

  Definitions(Flow flow) {
    this.flow = flow;
  }

  /** A register that is written where a predicate holds, or where it does not. */
  record Guarded(int predicate, boolean negated, int register) {}

  /**
   * @param always registers that are written
   * @param guarded registers that are written at least under a guard
   */
  record State(BitSet always, Set<Guarded> guarded) {}

  @Override
  public State start() {
    return new State(new BitSet(), Set.of());
  }

  @Override
  public State through(View view, Flow.Block block, State state) {
    BitSet always = (BitSet) state.always.clone();
    Set<Guarded> guarded = new HashSet<>(state.guarded);
    for (int i = block.from(); i < block.to(); i++) {
      switch (view.executes(i)) {
        case NEVER -> {}
        case ALWAYS -> {
          for (int r : flow.reads(i)) {
            require(always.get(r), i, r);
          }
          for (int r : flow.writes(i)) {
            forget(guarded, r);
            always.set(r);
          }
        }
        case SOMETIMES -> {
          Inst.Guarded g = flow.guarded(i).orElseThrow();
          int predicate = flow.number(g.guard());
          for (int r : flow.reads(i)) {
            Guarded written = new Guarded(predicate, g.negated(), r);
            require(always.get(r) || guarded.contains(written), i, r);
          }
          for (int r : flow.writes(i)) {
            forget(guarded, r);
            if (!always.get(r)) {
              guarded.add(new Guarded(predicate, g.negated(), r));
            }
          }
        }
      }
    }
    return new State(always, guarded);
  }

  private void require(boolean written, int at, int register) {
    if (!written) {
      throw flow.fail(at, flow.name(register) + " is read before it is written");
    }
  }

  /** What was written under a guard is not what holds under its next value. */
  private static void forget(Set<Guarded> guarded, int predicate) {
    if (!guarded.isEmpty()) {
      guarded.removeIf(g -> g.predicate == predicate);
    }
  }

  @Override
  public State join(View view, Flow.Block block, State a, State b) {
    BitSet always = (BitSet) a.always.clone();
    always.and(b.always);
    Set<Guarded> guarded = new HashSet<>(a.guarded);
    guarded.retainAll(b.guarded);
    return new State(always, guarded);
  }
}
