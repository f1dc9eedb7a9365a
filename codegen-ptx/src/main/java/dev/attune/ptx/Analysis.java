package dev.attune.ptx;

import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A rule about paths: a state that instructions change, and that is joined where paths meet.
 * Joining must only ever weaken what is known.
 *
 * @param <S> immutable, with a meaningful {@code equals}
 */
interface Analysis<S> {

  /** The state at the entry. */
  S start();

  /**
   * The state after a block.
   *
   * @throws InvalidPtxException where an instruction breaks the rule
   */
  S through(View view, Flow.Block block, S state);

  /** What holds where two paths meet before a block. */
  S join(View view, Flow.Block block, S a, S b);

  /** Follows all paths until nothing changes. */
  static <S> void run(View view, Analysis<S> analysis) {
    Map<Integer, S> before = new HashMap<>();
    before.put(0, analysis.start());
    BitSet open = new BitSet();
    open.set(0);
    while (!open.isEmpty()) {
      int at = open.nextSetBit(0);
      open.clear(at);
      S after =
          analysis.through(
              view, view.flow().blocks().get(at), Objects.requireNonNull(before.get(at)));
      for (int next : view.next(at)) {
        @Nullable S known = before.get(next);
        S joined =
            known == null
                ? after
                : analysis.join(view, view.flow().blocks().get(next), known, after);
        if (!joined.equals(known)) {
          before.put(next, joined);
          open.set(next);
        }
      }
    }
  }
}
