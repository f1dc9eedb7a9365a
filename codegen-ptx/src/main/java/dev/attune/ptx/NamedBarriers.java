package dev.attune.ptx;

import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * Barriers of the CTA: 16 there are, a barrier is always for the same number of threads, and as
 * many come to it. What cannot be seen is taken to be right.
 */
final class NamedBarriers {
  private static final int BARRIERS = 16;

  private NamedBarriers() {}

  /** A barrier's threads, and the warps that may come. */
  private record Meeting(int threads, BitSet warps) {}

  static void check(Flow flow, List<View> views) {
    Map<Long, Meeting> meetings = new TreeMap<>();
    boolean known = true;
    for (View view : views) {
      for (int i : view.executed(List.of(Inst.BarSync.class, Inst.BarSyncSome.class))) {
        Optional<Range> id = id(view, flow.plain(i));
        known &= id.filter(Range::single).isPresent();
        if (id.isPresent() && (id.get().high() >= BARRIERS || id.get().low() < 0)) {
          throw flow.fail(
              i, "there are barriers 0 to %d, not %d".formatted(BARRIERS - 1, id.get().high()));
        }
        int threads = threads(flow, flow.plain(i));
        if (id.isPresent() && id.get().single()) {
          Meeting meeting =
              meetings.computeIfAbsent(id.get().low(), k -> new Meeting(threads, new BitSet()));
          if (meeting.threads != threads) {
            throw flow.fail(
                i,
                "barrier %d is for %d threads elsewhere"
                    .formatted(id.get().low(), meeting.threads));
          }
          meeting.warps.set(view.warp());
        }
      }
    }
    if (known) {
      meetings.forEach((id, meeting) -> complete(flow, id, meeting));
    }
  }

  private static void complete(Flow flow, long id, Meeting meeting) {
    int coming = 32 * meeting.warps.cardinality();
    if (coming != meeting.threads) {
      throw new InvalidPtxException(
          "%s: barrier %d is for %d threads, but %d may come to it"
              .formatted(flow.kernel().entry(), id, meeting.threads, coming));
    }
  }

  private static Optional<Range> id(View view, Inst inst) {
    return switch (inst) {
      case Inst.BarSync i -> Optional.of(Range.of(i.id()));
      case Inst.BarSyncSome i -> view.values().range(i.id());
      default -> Optional.empty();
    };
  }

  private static int threads(Flow flow, Inst inst) {
    return inst instanceof Inst.BarSyncSome i ? i.threads() : flow.kernel().threads();
  }
}
