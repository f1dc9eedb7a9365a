package dev.attune.compiler.analysis;

import dev.attune.compiler.spec.Eval;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Position;
import java.util.Optional;

/**
 * The tiles of a problem by what {@link KvBounds} says of them and by what is so: for each tile
 * along one axis, the tiles of what is bounded.
 *
 * @param visited tiles that the range meets
 * @param hull tiles between the first and the last with a live pair
 * @param full tiles inside the full range
 * @param allLive tiles whose pairs are all live
 * @param wrong pairs of which what was said is not so
 */
record BoundedTiles(int visited, int hull, int full, int allLive, int wrong) {
  static final BoundedTiles NONE = new BoundedTiles(0, 0, 0, 0, 0);

  BoundedTiles plus(BoundedTiles o) {
    return new BoundedTiles(
        visited + o.visited, hull + o.hull, full + o.full, allLive + o.allLive, wrong + o.wrong);
  }

  /** Positions from first to last, of those that there are. */
  record Range(long first, long last) {
    boolean contains(int position) {
      return first <= position && position <= last;
    }

    boolean meets(int from, int to) {
      return Math.max(first, from) <= Math.min(last, to);
    }

    /** The value of a range where the tile is. */
    static Range of(Eval eval, Optional<Expr> first, Optional<Expr> last, int count) {
      return new Range(
          Math.max(0, first.map(eval::integer).orElse(0L)),
          Math.min(count - 1L, last.map(eval::integer).orElse(count - 1L)));
    }

    /** The full range where the tile is. */
    static Range of(Eval eval, FullKeys keys, int count) {
      return switch (keys) {
        case FullKeys.None none -> new Range(0, -1);
        case FullKeys.Between(Optional<Expr> first, Optional<Expr> last) ->
            of(eval, first, last, count);
      };
    }
  }

  /**
   * Counts.
   *
   * @param along positions of a tile whose range is asked for
   * @param across positions of a tile that is visited or not
   */
  static BoundedTiles of(KvBounds bounds, Truths truths, Eval eval, int along, int across) {
    boolean keys = bounds.of() == Position.KV;
    int count = keys ? truths.cols() : truths.rows();
    int tiled = keys ? truths.rows() : truths.cols();
    BoundedTiles sum = NONE;
    for (int from = 0; from < tiled; from += along) {
      int to = Math.min(tiled, from + along) - 1;
      eval.bind(keys ? KvBounds.Q_FIRST : KvBounds.KV_FIRST, from);
      eval.bind(keys ? KvBounds.Q_LAST : KvBounds.KV_LAST, to);
      Range visit = Range.of(eval, bounds.visitFirst(), bounds.visitLast(), count);
      Range full = Range.of(eval, bounds.full(), count);
      int[] live = keys ? truths.ofKeys(from, to) : truths.ofRows(from, to);
      sum = sum.plus(of(live, from, to, visit, full, across));
    }
    return sum;
  }

  private static BoundedTiles of(
      int[] counts, int from, int to, Range visit, Range full, int across) {
    int count = counts.length;
    int visited = 0;
    int inside = 0;
    int all = 0;
    int wrong = 0;
    int firstLive = -1;
    int lastLive = -2;
    for (int p = 0; p < count; p += across) {
      int last = Math.min(count, p + across) - 1;
      int live = 0;
      for (int x = p; x <= last; x++) {
        live += counts[x];
        boolean missed = counts[x] > 0 && !visit.contains(x);
        boolean dead = counts[x] < to - from + 1 && full.contains(x);
        wrong += missed || dead ? 1 : 0;
      }
      if (live > 0) {
        firstLive = firstLive < 0 ? p / across : firstLive;
        lastLive = p / across;
      }
      visited += visit.meets(p, last) ? 1 : 0;
      inside += full.contains(p) && full.contains(last) ? 1 : 0;
      all += live == (to - from + 1) * (last - p + 1) ? 1 : 0;
    }
    return new BoundedTiles(visited, lastLive - firstLive + 1, inside, all, wrong);
  }
}
