package dev.attune.compiler.analysis;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.attune.compiler.random.Case;
import dev.attune.compiler.random.SpecGenerator;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.BinaryOp;
import dev.attune.compiler.spec.Bindings;
import dev.attune.compiler.spec.CompareOp;
import dev.attune.compiler.spec.Eval;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.Shape;
import dev.attune.compiler.spec.UnaryOp;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Assume;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

/** What {@link TileTest} says of the tiles of random masks, against every pair. */
class TileTestTest {
  private static final int TRIES = Integer.getInteger("attune.tries", 300);

  @Test
  void isRightOfEveryTile() {
    long[] seeds = new Random(Long.getLong("attune.seed", 7)).longs(TRIES).toArray();
    IntStream.range(0, TRIES)
        .parallel()
        .forEach(
            i -> {
              Random random = new Random(seeds[i]);
              Predicates predicates = new Predicates(random.nextLong());
              Expr mask = i % 2 == 0 ? predicates.predicate(3) : predicates.structured(2);
              int sq = 1 + random.nextInt(24);
              int skv = 1 + random.nextInt(24);
              Bindings bindings = predicates.bindings(sq, skv);
              Tile tile = new Tile(1 + random.nextInt(12), 1 + random.nextInt(12));
              check(Predicates.spec(mask), bindings, tile);
            });
  }

  /** Equality of bools says each side twice, and an absolute value its operand. */
  @Test
  void nestingEndsInAnAnswer() {
    Expr mask = Predicates.IS_GLOBAL;
    Expr distance = Exprs.sub(Predicates.Q, Predicates.KV);
    for (int i = 0; i < 30; i++) {
      distance = new Expr.Unary(UnaryOp.ABS, Exprs.sub(distance, Exprs.of((long) i)));
      Expr next = Predicates.compare(distance, CompareOp.LE, Exprs.of(3L));
      mask = Predicates.compare(mask, CompareOp.EQ, next);
    }
    check(Predicates.spec(mask), new Predicates(1).bindings(16, 16), new Tile(4, 5));
  }

  /** What is a remainder by a positive number says nothing where the number is 0. */
  @Test
  void divisorsMayBeZero() {
    Expr n = Predicates.WINDOW;
    Expr sameBlock =
        Predicates.compare(
            new Expr.Binary(BinaryOp.FLOOR_DIV, Predicates.Q, n),
            CompareOp.EQ,
            new Expr.Binary(BinaryOp.FLOOR_DIV, Predicates.KV, n));
    Expr inOrder =
        Predicates.compare(
            new Expr.Binary(BinaryOp.FLOOR_MOD, Predicates.Q, n),
            CompareOp.GE,
            new Expr.Binary(BinaryOp.FLOOR_MOD, Predicates.KV, n));
    Bindings some = new Predicates(1).bindings(16, 16);
    for (double value : new double[] {-3, 0, 1, 5}) {
      Map<String, Double> params = Map.of("window", value, "chunk", 1.0);
      Bindings bindings = new Bindings(some.shape(), 1, params, some.tensors());
      check(Predicates.spec(Exprs.and(sameBlock, inOrder)), bindings, new Tile(4, 5));
    }
  }

  @Property(tries = 150)
  void isRightOfTheTilesOfRandomSpecs(
      @ForAll("cases") Case random,
      @ForAll @IntRange(min = 1, max = 40) int rows,
      @ForAll @IntRange(min = 1, max = 40) int cols) {
    Shape s = random.shape();
    Assume.that(s.batch() > 0 && (long) s.seq() * s.kvSeq() <= 1 << 14);
    check(random.spec(), random.problem().bindings(), new Tile(rows, cols));
  }

  @Provide
  Arbitrary<Case> cases() {
    return SpecGenerator.cases();
  }

  private record Tile(int rows, int cols) {}

  private static void check(AttentionSpec spec, Bindings bindings, Tile tile) {
    int rows = tile.rows();
    int cols = tile.cols();
    Expr mask = spec.mask().expr();
    boolean sized = (rows + cols) % 2 == 0;
    TileTest test = sized ? TileTest.of(spec, mask, rows, cols) : TileTest.of(spec);
    int b = bindings.shape().batch() - 1;
    int h = bindings.shape().heads() - 1;
    assertFalse(Exprs.uses(test.some(), Facts::isPosition));
    assertFalse(Exprs.uses(test.all(), Facts::isPosition));
    int sq = bindings.shape().seq();
    int skv = bindings.shape().kvSeq();
    Eval eval = new Eval(bindings);
    for (int q = 0; q < sq; q += rows) {
      for (int kv = 0; kv < skv; kv += cols) {
        int q1 = Math.min(sq, q + rows) - 1;
        int kv1 = Math.min(skv, kv + cols) - 1;
        eval.at(b, h, 0, 0)
            .bind(KvBounds.Q_FIRST, q)
            .bind(KvBounds.Q_LAST, q1)
            .bind(KvBounds.KV_FIRST, kv)
            .bind(KvBounds.KV_LAST, kv1);
        boolean some = eval.bool(test.some());
        boolean all = eval.bool(test.all());
        for (int i = q; i <= q1; i++) {
          for (int j = kv; j <= kv1; j++) {
            boolean live = eval.at(b, h, i, j).bool(mask);
            String at = " at q=" + i + " kv=" + j + " of " + q + ".." + q1 + ", " + kv + ".." + kv1;
            assertTrue(some || !live, () -> Exprs.print(mask) + at + " lives\n" + test);
            assertTrue(live || !all, () -> Exprs.print(mask) + at + " is dead\n" + test);
          }
        }
      }
    }
  }
}
