package dev.attune.ptx;

import java.util.BitSet;
import java.util.List;

/**
 * What a thread stores to shared memory in the ordinary way is seen by TMA stores and wgmma only
 * after a proxy fence of that thread; what other threads store, after their fences and a barrier.
 */
final class ProxyFences {
  private static final int OWN = 1;
  private static final int FOREIGN = 2;

  private ProxyFences() {}

  static void check(List<View> views) {
    if (views.stream().allMatch(v -> v.executed(READERS).isEmpty())) {
      return;
    }
    BitSet unfenced = new BitSet();
    for (View view : views) {
      Analysis.run(view, new Own(unfenced));
    }
    for (View view : views) {
      Analysis.run(view, new Foreign(unfenced));
    }
  }

  private static final List<Class<? extends Inst>> READERS =
      List.of(Inst.TmaStore.class, Inst.Wgmma.class);

  /** Finds the barriers that a thread may reach with stores that it has not fenced. */
  private record Own(BitSet unfenced) implements Analysis<Integer> {
    @Override
    public Integer start() {
      return 0;
    }

    @Override
    public Integer through(View view, Flow.Block block, Integer state) {
      int bits = state;
      for (int i = block.from(); i < block.to(); i++) {
        if (view.executes(i) == View.Executes.NEVER) {
          continue;
        }
        Inst inst = view.flow().plain(i);
        if (writes(inst)) {
          bits = OWN;
        } else if (inst instanceof Inst.FenceProxyAsync
            && view.executes(i) == View.Executes.ALWAYS) {
          bits = 0;
        } else if (barrier(inst) && bits != 0) {
          unfenced.set(i);
        } else if (reads(inst) && bits != 0) {
          throw view.flow()
              .fail(i, "no fence.proxy.async since this thread's stores to shared memory");
        }
      }
      return bits;
    }

    @Override
    public Integer join(View view, Flow.Block block, Integer a, Integer b) {
      return a | b;
    }
  }

  /** Follows what other threads have stored before a barrier. */
  private record Foreign(BitSet unfenced) implements Analysis<Integer> {
    @Override
    public Integer start() {
      return 0;
    }

    @Override
    public Integer through(View view, Flow.Block block, Integer state) {
      int bits = state;
      for (int i = block.from(); i < block.to(); i++) {
        if (view.executes(i) == View.Executes.NEVER) {
          continue;
        }
        Inst inst = view.flow().plain(i);
        if (barrier(inst)) {
          bits = unfenced.get(i) ? FOREIGN : 0;
        } else if (reads(inst) && bits != 0) {
          throw view.flow()
              .fail(
                  i,
                  "a thread reaches the barrier before this without a fence.proxy.async after its"
                      + " stores to shared memory");
        }
      }
      return bits;
    }

    @Override
    public Integer join(View view, Flow.Block block, Integer a, Integer b) {
      return a | b;
    }
  }

  private static boolean writes(Inst inst) {
    return inst instanceof Inst.StMatrix
        || inst instanceof Inst.CpAsync
        || (inst instanceof Inst.St s && s.space() == Inst.Space.SHARED);
  }

  private static boolean reads(Inst inst) {
    return inst instanceof Inst.TmaStore || inst instanceof Inst.Wgmma;
  }

  private static boolean barrier(Inst inst) {
    return inst instanceof Inst.BarSync || inst instanceof Inst.BarSyncSome;
  }
}
