package dev.attune.compiler.analysis;

import dev.attune.compiler.spec.Bindings;
import dev.attune.compiler.spec.Eval;

/**
 * The tiles of a problem by what a {@link TileTest} says of them and by what is so.
 *
 * @param tiles all of them
 * @param visited said to have a live pair, perhaps
 * @param live that have one
 * @param partial visited and not said to be full
 * @param mixed that have a live pair and a dead one
 * @param wrong of which what was said is not so
 */
record Tightness(int tiles, int visited, int live, int partial, int mixed, int wrong) {

  static final Tightness NONE = new Tightness(0, 0, 0, 0, 0, 0);

  Tightness plus(Tightness o) {
    return new Tightness(
        tiles + o.tiles,
        visited + o.visited,
        live + o.live,
        partial + o.partial,
        mixed + o.mixed,
        wrong + o.wrong);
  }

  static Tightness of(TileTest test, Truths truths, Bindings bindings, int rows, int cols) {
    Eval eval = new Eval(bindings).at(0, 1, 0, 0);
    int tiles = 0;
    int visited = 0;
    int live = 0;
    int partial = 0;
    int mixed = 0;
    int wrong = 0;
    for (int q = 0; q < truths.rows(); q += rows) {
      int lastQ = Math.min(truths.rows(), q + rows) - 1;
      for (int kv = 0; kv < truths.cols(); kv += cols) {
        int lastKv = Math.min(truths.cols(), kv + cols) - 1;
        eval.bind(KvBounds.Q_FIRST, q)
            .bind(KvBounds.Q_LAST, lastQ)
            .bind(KvBounds.KV_FIRST, kv)
            .bind(KvBounds.KV_LAST, lastKv);
        boolean some = eval.bool(test.some());
        boolean all = eval.bool(test.all());
        int pairs = (lastQ - q + 1) * (lastKv - kv + 1);
        int count = truths.live(q, lastQ, kv, lastKv);
        tiles++;
        visited += some ? 1 : 0;
        live += count > 0 ? 1 : 0;
        partial += some && !all ? 1 : 0;
        mixed += count > 0 && count < pairs ? 1 : 0;
        wrong += (!some && count > 0) || (all && count < pairs) ? 1 : 0;
      }
    }
    return new Tightness(tiles, visited, live, partial, mixed, wrong);
  }
}
