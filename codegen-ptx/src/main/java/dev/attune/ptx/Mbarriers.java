package dev.attune.ptx;

import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/**
 * Mbarriers are initialised once each, then fenced, then shown to the CTA by a barrier before
 * anyone uses them. Where the address of a use is known, it is one that was initialised.
 *
 * <p>A state is a set of bits.
 */
final class Mbarriers implements Analysis<Integer> {
  /** An initialisation is not fenced. */
  private static final int UNFENCED = 1;

  /** A barrier may have been passed. */
  private static final int MAYBE_SHOWN = 2;

  /** No barrier may have been passed. */
  private static final int MAYBE_HIDDEN = 4;

  private Mbarriers() {}

  static void check(Flow flow, List<View> views) {
    for (View view : View.distinct(views)) {
      Analysis.run(view, new Mbarriers());
    }
    Set<Long> places = places(flow, views);
    for (View view : views) {
      for (int i : view.executed(USES)) {
        barrier(flow.plain(i))
            .flatMap(view.values()::place)
            .filter(Range::single)
            .map(Range::low)
            .filter(at -> !places.contains(at))
            .ifPresent(
                at -> {
                  throw flow.fail(i, "no mbarrier is initialised at byte %d".formatted(at));
                });
      }
    }
  }

  private static final List<Class<? extends Inst>> USES =
      List.of(
          Inst.MbarrierArrive.class,
          Inst.MbarrierExpect.class,
          Inst.MbarrierTryWait.class,
          Inst.TmaLoad.class);

  /** The bytes at which mbarriers are initialised. */
  private static Set<Long> places(Flow flow, List<View> views) {
    TreeMap<Long, Integer> all = new TreeMap<>();
    for (View view : views) {
      for (int i : view.executed(List.of(Inst.MbarrierInit.class))) {
        Inst.MbarrierInit init = (Inst.MbarrierInit) flow.plain(i);
        Range place =
            view.values()
                .place(init.barrier())
                .filter(Range::single)
                .orElseThrow(
                    () ->
                        flow.fail(
                            i,
                            "the address is not a constant away from the start of shared memory"));
        long at = place.low();
        if (at % 8 != 0 || at < 0 || at + 8 > flow.kernel().sharedBytes()) {
          throw flow.fail(
              i,
              "an mbarrier takes 8 aligned bytes of the %d bytes of shared memory, not those at %d"
                  .formatted(flow.kernel().sharedBytes(), at));
        }
        Integer other = all.put(at, i);
        if (other != null && other != i) {
          throw flow.fail(i, "the mbarrier at byte %d is initialised twice".formatted(at));
        }
        if (init.count() < 1 || init.count() >= 1 << 20) {
          throw flow.fail(i, "an mbarrier of %d arrivals".formatted(init.count()));
        }
      }
    }
    return new HashSet<>(all.keySet());
  }

  private static Optional<Inst.Address> barrier(Inst inst) {
    return switch (inst) {
      case Inst.MbarrierArrive i -> Optional.of(i.barrier());
      case Inst.MbarrierExpect i -> Optional.of(i.barrier());
      case Inst.MbarrierTryWait i -> Optional.of(i.barrier());
      case Inst.TmaLoad i -> Optional.of(i.barrier());
      default -> Optional.empty();
    };
  }

  @Override
  public Integer start() {
    return MAYBE_HIDDEN;
  }

  @Override
  public Integer through(View view, Flow.Block block, Integer state) {
    Flow flow = view.flow();
    int bits = state;
    for (int i = block.from(); i < block.to(); i++) {
      if (view.executes(i) == View.Executes.NEVER) {
        continue;
      }
      Inst inst = flow.plain(i);
      if (inst instanceof Inst.MbarrierInit) {
        if ((bits & MAYBE_SHOWN) != 0) {
          throw flow.fail(i, "an mbarrier is initialised after threads may use it");
        }
        bits |= UNFENCED;
      } else if (inst instanceof Inst.FenceMbarrierInit) {
        bits &= ~UNFENCED;
      } else if (inst instanceof Inst.BarSync) {
        if ((bits & UNFENCED) != 0) {
          throw flow.fail(i, "no fence.mbarrier_init since an mbarrier was initialised");
        }
        bits = MAYBE_SHOWN;
      } else if (barrier(inst).isPresent() && (bits & MAYBE_HIDDEN) != 0) {
        throw flow.fail(i, "no barrier of the CTA since mbarriers were initialised");
      }
    }
    return bits;
  }

  @Override
  public Integer join(View view, Flow.Block block, Integer a, Integer b) {
    return a | b;
  }
}
