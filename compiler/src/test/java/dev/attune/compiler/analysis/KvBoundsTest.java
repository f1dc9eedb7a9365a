package dev.attune.compiler.analysis;

import static dev.attune.compiler.analysis.Predicates.CHUNK;
import static dev.attune.compiler.analysis.Predicates.IS_GLOBAL;
import static dev.attune.compiler.analysis.Predicates.KV;
import static dev.attune.compiler.analysis.Predicates.LEN;
import static dev.attune.compiler.analysis.Predicates.Q;
import static dev.attune.compiler.analysis.Predicates.SKV;
import static dev.attune.compiler.analysis.Predicates.SQ;
import static dev.attune.compiler.analysis.Predicates.WINDOW;
import static dev.attune.compiler.analysis.Predicates.compare;
import static dev.attune.compiler.analysis.Predicates.doc;
import static dev.attune.compiler.spec.Exprs.add;
import static dev.attune.compiler.spec.Exprs.and;
import static dev.attune.compiler.spec.Exprs.or;
import static dev.attune.compiler.spec.Exprs.sub;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.attune.compiler.spec.BinaryOp;
import dev.attune.compiler.spec.Bindings;
import dev.attune.compiler.spec.CompareOp;
import dev.attune.compiler.spec.Eval;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Expr.Binary;
import dev.attune.compiler.spec.Expr.Gather;
import dev.attune.compiler.spec.Expr.Unary;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.compiler.spec.NdArray;
import dev.attune.compiler.spec.Position;
import dev.attune.compiler.spec.ScalarType;
import dev.attune.compiler.spec.Shape;
import dev.attune.compiler.spec.UnaryOp;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The ranges of the named variants, and how many tiles they leave. */
class KvBoundsTest {
  private static final Expr CAUSAL = compare(KV, CompareOp.LE, Q);
  private static final Expr BAND = compare(sub(Q, KV), CompareOp.LT, WINDOW);
  private static final Expr DISTANCE = new Unary(UnaryOp.ABS, sub(Q, KV));

  private static void solves(Expr mask, String expected) {
    assertEquals(expected, KvBounds.solve(Predicates.spec(mask)).print());
  }

  @Test
  void full() {
    solves(Exprs.of(true), "visit 0 .. Skv - 1\nfull  0 .. Skv - 1\n");
  }

  @Test
  void causal() {
    solves(
        CAUSAL,
        """
        visit 0 .. q_last
        full  0 .. q_first
          solved   kv <= q: kv <= q
        """);
    solves(
        Exprs.not(compare(Q, CompareOp.LT, KV)),
        """
        visit 0 .. q_last
        full  0 .. q_first
          solved   q >= kv: kv <= q
        """);
  }

  @Test
  void causalFromTheBottomRight() {
    solves(
        compare(KV, CompareOp.LE, sub(add(Q, SKV), SQ)),
        """
        visit 0 .. q_last + Skv - Sq
        full  0 .. q_first + Skv - Sq
          solved   kv <= q + Skv - Sq: kv <= q + Skv - Sq
        """);
  }

  @Test
  void window() {
    solves(
        and(CAUSAL, BAND),
        """
        visit q_first - window + 1 .. q_last
        full  q_last - window + 1 .. q_first
          solved   kv <= q: kv <= q
          solved   q - kv < window: kv >= q - window + 1
        """);
  }

  @Test
  void prefix() {
    solves(
        or(compare(KV, CompareOp.LT, CHUNK), CAUSAL),
        """
        visit 0 .. max(chunk - 1, q_last)
        full  0 .. max(chunk - 1, q_first)
          solved   kv < chunk: kv <= chunk - 1
          solved   kv <= q: kv <= q
        """);
  }

  @Test
  void padding() {
    solves(
        compare(KV, CompareOp.LT, LEN),
        """
        visit 0 .. len[b] - 1
        full  0 .. len[b] - 1
          solved   kv < len[b]: kv <= len[b] - 1
        """);
  }

  @Test
  void dilatedWindowIsPartlySolved() {
    Expr remainder = new Binary(BinaryOp.FLOOR_MOD, DISTANCE, Exprs.of(2L));
    solves(
        and(
            compare(DISTANCE, CompareOp.LE, WINDOW),
            compare(remainder, CompareOp.EQ, Exprs.of(0L))),
        """
        visit q_first - window .. window + q_last
        full  none: kv stands inside abs(q - kv) % 2
          solved   abs(q - kv) <= window: kv >= q - window and kv <= window + q
          unsolved abs(q - kv) % 2 == 0: kv stands inside abs(q - kv) % 2
        """);
  }

  @Test
  void documentsAreOneRange() {
    Expr mask = and(CAUSAL, compare(doc(Q), CompareOp.EQ, doc(KV)));
    solves(
        mask,
        """
        visit search(doc, doc[q_first]) .. min(q_last, search(doc, doc[q_last] + 1) - 1)
        full  search(doc, doc[q_last]) .. min(q_first, search(doc, doc[q_first] + 1) - 1)
          solved   kv <= q: kv <= q
          solved   doc[q] == doc[kv]: kv >= search(doc, doc[q]) and \
        kv <= search(doc, doc[q] + 1) - 1
        """);
    assertEquals(
        """
        visit 0 .. q_last
        full  none: kv stands inside doc[kv]
          solved   kv <= q: kv <= q
          unsolved doc[q] == doc[kv]: kv stands inside doc[kv]
        """,
        KvBounds.withoutSearch(Predicates.spec(mask)).print());
  }

  @Test
  void queriesOfKeys() {
    Expr mask = and(and(CAUSAL, BAND), compare(doc(Q), CompareOp.EQ, doc(KV)));
    assertEquals(
        """
        visit max(kv_first, search(doc, doc[kv_first])) .. \
        min(kv_last + window - 1, search(doc, doc[kv_last] + 1) - 1)
        full  max(kv_last, search(doc, doc[kv_last])) .. \
        min(kv_first + window - 1, search(doc, doc[kv_first] + 1) - 1)
          solved   kv <= q: q >= kv
          solved   q - kv < window: q <= kv + window - 1
          solved   doc[q] == doc[kv]: q <= search(doc, doc[kv] + 1) - 1 and \
        q >= search(doc, doc[kv])
        """,
        KvBounds.ofQueries(Predicates.spec(mask)).print());
  }

  @Test
  void anIndexOfASortedTensorIsSolvedLikeAnyOther() {
    solves(
        compare(
            doc(new Binary(BinaryOp.FLOOR_DIV, sub(KV, WINDOW), Exprs.of(4L))), CompareOp.LT, Q),
        """
        visit 0 .. if search(doc, q_last) > 0 then window + search(doc, q_last) * 4 - 1 else -1
        full  0 .. if search(doc, q_first) > 0 then window + search(doc, q_first) * 4 - 1 else -1
          solved   doc[(kv - window) // 4] < q: kv <= window + search(doc, q) * 4 - 1 and \
        for rows with 0 < search(doc, q)
        """);
  }

  @Test
  void monotoneTablesBoundByTheirEnds() {
    solves(
        and(CAUSAL, compare(KV, CompareOp.GE, doc(Q))),
        """
        visit doc[q_first] .. q_last
        full  doc[q_last] .. q_first
          solved   kv <= q: kv <= q
          solved   kv >= doc[q]: kv >= doc[q]
        """);
  }

  @Test
  void tablesWithARangeBoundByIt() {
    Expr table = new Gather("table", ScalarType.INT, List.of(Q));
    solves(
        compare(KV, CompareOp.LE, add(Q, table)),
        """
        visit 0 .. q_last + 9
        full  0 .. q_first - 3
          solved   kv <= q + table[q]: kv <= q + table[q]
        """);
  }

  @Test
  void globalHeadsSeeAll() {
    solves(
        or(IS_GLOBAL, and(CAUSAL, BAND)),
        """
        visit if is_global[h] then 0 else q_first - window + 1 .. \
        if is_global[h] then Skv - 1 else q_last
        full  if is_global[h] then 0 else q_last - window + 1 .. \
        if is_global[h] then Skv - 1 else q_first
          solved   is_global[h]: the same for the whole tile
          solved   kv <= q: kv <= q
          solved   q - kv < window: kv >= q - window + 1
        """);
  }

  @Test
  void chunks() {
    solves(
        compare(
            new Binary(BinaryOp.FLOOR_DIV, KV, CHUNK),
            CompareOp.EQ,
            new Binary(BinaryOp.FLOOR_DIV, Q, CHUNK)),
        """
        visit q_first // chunk * chunk .. q_last // chunk * chunk + chunk - 1
        full  q_last // chunk * chunk .. q_first // chunk * chunk + chunk - 1
          solved   kv // chunk == q // chunk: kv <= q // chunk * chunk + chunk - 1 and \
        kv >= q // chunk * chunk
        """);
  }

  @Test
  void multiplesOfKvAreRoundedInward() {
    solves(
        compare(Exprs.mul(KV, Exprs.of(3L)), CompareOp.LT, Q),
        """
        visit 0 .. (q_last - 1) // 3
        full  0 .. (q_first - 1) // 3
          solved   kv * 3 < q: kv <= (q - 1) // 3
        """);
  }

  @Test
  void rowsOnly() {
    solves(
        and(compare(Q, CompareOp.LT, LEN), CAUSAL),
        """
        visit 0 .. if q_first < len[b] then q_last else -1
        full  0 .. if q_last < len[b] then q_first else -1
          solved   q < len[b]: for rows with q < len[b]
          solved   kv <= q: kv <= q
        """);
  }

  private record Tiles(int visited, int masked) {}

  /** Counts the tiles of 64 by 64 that a kernel visits, and those it must mask. */
  private static Tiles tiles(Expr mask, int seq, int window) {
    KvBounds bounds = KvBounds.solve(Predicates.spec(mask));
    Bindings bindings =
        new Bindings(
            new Shape(1, 1, 1, seq, seq, new HeadDim(64, 64)),
            0.125,
            Map.of("window", (double) window, "chunk", 1.0),
            Map.of("len", new NdArray(new int[] {1}, new int[] {seq})));
    Eval eval = new Eval(bindings).at(0, 0, 0, 0);
    int visited = 0;
    int masked = 0;
    for (int q = 0; q < seq; q += 64) {
      eval.bind(KvBounds.Q_FIRST, q).bind(KvBounds.Q_LAST, q + 63);
      var visit = BoundedTiles.Range.of(eval, bounds.visitFirst(), bounds.visitLast(), seq);
      var full = BoundedTiles.Range.of(eval, bounds.full(), seq);
      for (int kv = 0; kv < seq; kv += 64) {
        boolean in = kv + 63 >= visit.first() && kv <= visit.last();
        visited += in ? 1 : 0;
        masked += in && !(full.contains(kv) && full.contains(kv + 63)) ? 1 : 0;
      }
    }
    return new Tiles(visited, masked);
  }

  @Test
  void causalVisitsHalfAndMasksTheDiagonal() {
    assertEquals(new Tiles(32 * 33 / 2, 32), tiles(CAUSAL, 2048, 0));
  }

  @Test
  void aWindowVisitsItsBand() {
    // Rows 64 i .. 64 i + 63 see keys from 64 i - 255: five tiles, of which three are full.
    assertEquals(new Tiles(5 * 32 - 4 - 3 - 2 - 1, 32 + 28), tiles(and(CAUSAL, BAND), 2048, 256));
  }

  @Test
  void tilesOfCausalAndWindowAreClassified() {
    Expr mask = and(CAUSAL, BAND);
    Bindings bindings = new Predicates(1).bindings(40, 40);
    Ranges launch = Ranges.of(Predicates.spec(mask), bindings);
    int window = (int) new Eval(bindings).integer(WINDOW);
    for (int q = 0; q < 40; q += 8) {
      for (int kv = 0; kv < 40; kv += 8) {
        Ranges tile =
            launch
                .with(Position.Q, new Interval(q, q + 7))
                .with(Position.KV, new Interval(kv, kv + 7));
        boolean empty = kv > q + 7 || q - (kv + 7) >= window;
        boolean all = kv + 7 <= q && q + 7 - kv < window;
        assertEquals(
            empty ? TileClass.EMPTY : all ? TileClass.FULL : TileClass.PARTIAL,
            TileClass.classify(mask, tile));
      }
    }
  }
}
