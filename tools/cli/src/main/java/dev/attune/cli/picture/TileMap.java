package dev.attune.cli.picture;

import dev.attune.compiler.analysis.KvBounds;
import dev.attune.compiler.analysis.TileClass;
import dev.attune.compiler.analysis.TileTest;
import dev.attune.compiler.spec.Bindings;
import dev.attune.compiler.spec.Eval;
import dev.attune.compiler.spec.Shape;
import java.util.List;

/**
 * What the analysis says of each tile of one head's score matrix.
 *
 * @param seq Sq
 * @param kvSeq Skv
 * @param rows of a tile
 * @param cols of a tile
 * @param classes of the tiles, those of the first query tile first
 */
public record TileMap(int seq, int kvSeq, int rows, int cols, List<TileClass> classes) {
  public TileMap {
    classes = List.copyOf(classes);
  }

  /** Evaluates both conditions at every tile of a head. */
  public static TileMap of(TileTest test, Bindings bindings, int b, int h, int rows, int cols) {
    Shape s = bindings.shape();
    return of(test, new Eval(bindings).at(b, h, 0, 0), s.seq(), s.kvSeq(), rows, cols);
  }

  /** Evaluates both conditions at every tile where an evaluator is. */
  public static TileMap of(TileTest test, Eval eval, int seq, int kvSeq, int rows, int cols) {
    TileClass[] classes = new TileClass[Math.ceilDiv(seq, rows) * Math.ceilDiv(kvSeq, cols)];
    int next = 0;
    for (int q = 0; q < seq; q += rows) {
      eval.bind(KvBounds.Q_FIRST, q).bind(KvBounds.Q_LAST, Math.min(seq, q + rows) - 1);
      for (int kv = 0; kv < kvSeq; kv += cols) {
        eval.bind(KvBounds.KV_FIRST, kv).bind(KvBounds.KV_LAST, Math.min(kvSeq, kv + cols) - 1);
        classes[next++] =
            !eval.bool(test.some())
                ? TileClass.EMPTY
                : eval.bool(test.all()) ? TileClass.FULL : TileClass.PARTIAL;
      }
    }
    return new TileMap(seq, kvSeq, rows, cols, List.of(classes));
  }

  /** Tiles of queries. */
  int down() {
    return Math.ceilDiv(seq, rows);
  }

  /** Tiles of keys. */
  int across() {
    return Math.ceilDiv(kvSeq, cols);
  }

  TileClass at(int row, int column) {
    return classes.get(row * across() + column);
  }

  /** How many tiles are of a class. */
  public long count(TileClass wanted) {
    return classes.stream().filter(c -> c == wanted).count();
  }
}
