package dev.attune.compiler.analysis;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.attune.compiler.spec.Bindings;
import dev.attune.compiler.spec.Eval;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Exprs;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** What {@link TileTest} says of the tiles of random masks, against every pair. */
class TileTestTest {
  private static final int TRIES = Integer.getInteger("attune.tries", 1_500);

  @Test
  void isRightOfEveryTile() {
    Random random = new Random(Long.getLong("attune.seed", 7));
    for (int i = 0; i < TRIES; i++) {
      long seed = random.nextLong();
      Predicates predicates = new Predicates(seed);
      Expr mask = i % 2 == 0 ? predicates.predicate(3) : predicates.structured(2);
      int sq = 1 + random.nextInt(24);
      int skv = 1 + random.nextInt(24);
      Bindings bindings = predicates.bindings(sq, skv);
      check(mask, bindings, 1 + random.nextInt(12), 1 + random.nextInt(12));
    }
  }

  private static void check(Expr mask, Bindings bindings, int rows, int cols) {
    boolean sized = (rows + cols) % 2 == 0;
    TileTest test =
        sized
            ? TileTest.of(Predicates.spec(mask), mask, rows, cols)
            : TileTest.of(Predicates.spec(mask), mask);
    assertFalse(Exprs.uses(test.some(), Facts::isPosition));
    assertFalse(Exprs.uses(test.all(), Facts::isPosition));
    int sq = bindings.shape().seq();
    int skv = bindings.shape().kvSeq();
    Eval eval = new Eval(bindings);
    for (int q = 0; q < sq; q += rows) {
      for (int kv = 0; kv < skv; kv += cols) {
        int q1 = Math.min(sq, q + rows) - 1;
        int kv1 = Math.min(skv, kv + cols) - 1;
        eval.at(1, 1, 0, 0)
            .bind(KvBounds.Q_FIRST, q)
            .bind(KvBounds.Q_LAST, q1)
            .bind(KvBounds.KV_FIRST, kv)
            .bind(KvBounds.KV_LAST, kv1);
        boolean some = eval.bool(test.some());
        boolean all = eval.bool(test.all());
        for (int i = q; i <= q1; i++) {
          for (int j = kv; j <= kv1; j++) {
            boolean live = eval.at(1, 1, i, j).bool(mask);
            String at = " at q=" + i + " kv=" + j + " of " + q + ".." + q1 + ", " + kv + ".." + kv1;
            assertTrue(some || !live, () -> Exprs.print(mask) + at + " lives\n" + test);
            assertTrue(live || !all, () -> Exprs.print(mask) + at + " is dead\n" + test);
          }
        }
      }
    }
  }
}
