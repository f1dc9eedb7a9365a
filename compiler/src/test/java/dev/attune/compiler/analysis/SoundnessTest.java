package dev.attune.compiler.analysis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Bindings;
import dev.attune.compiler.spec.Eval;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.Position;
import dev.attune.compiler.spec.Simplify;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;

/** Random masks on small problems: what the analysis says against every pair. */
class SoundnessTest {

  @Property(tries = 1000)
  void simplifiedExpressionsHaveTheSameValue(
      @ForAll long seed, @ForAll @IntRange(min = 1, max = 40) int skv) {
    Predicates predicates = new Predicates(seed);
    Expr p = predicates.predicate(3);
    Expr i = predicates.integer(4);
    Bindings bindings = predicates.bindings(skv, skv);
    Expr simpler = Simplify.simplify(p);
    Expr simplerInt = Simplify.simplify(i);
    assertSame(simpler, Simplify.simplify(simpler));
    Eval eval = new Eval(bindings);
    for (int kv = 0; kv < skv; kv++) {
      eval.at(1, 1, (kv * 7 + 3) % skv, kv);
      assertEquals(eval.bool(p), eval.bool(simpler), () -> Exprs.print(p));
      assertEquals(eval.integer(i), eval.integer(simplerInt), () -> Exprs.print(i));
    }
  }

  @Property(tries = 1000)
  void intervalsContainEveryValue(@ForAll long seed, @ForAll @IntRange(min = 1, max = 40) int s) {
    Predicates predicates = new Predicates(seed);
    Expr e = predicates.integer(4);
    AttentionSpec spec = Predicates.spec(Exprs.of(true));
    Bindings bindings = predicates.bindings(s, s);
    Ranges worst = Ranges.worstCase(spec);
    Ranges launch = Ranges.of(spec, bindings);
    Interval anywhere = launch.integer(e);
    Interval ever = worst.integer(e);
    Eval eval = new Eval(bindings);
    for (int kv = 0; kv < s; kv++) {
      long value = eval.at(0, 1, (kv * 5 + 1) % s, kv).integer(e);
      assertTrue(anywhere.contains(value), () -> Exprs.print(e) + " = " + value + " " + anywhere);
      assertTrue(ever.contains(value), () -> Exprs.print(e) + " = " + value + " " + ever);
    }
  }

  @Property(tries = 1000)
  void tileClassesAreRight(
      @ForAll long seed,
      @ForAll @IntRange(min = 1, max = 40) int sq,
      @ForAll @IntRange(min = 1, max = 40) int skv,
      @ForAll @IntRange(min = 1, max = 16) int tile) {
    Predicates predicates = new Predicates(seed);
    Expr mask = predicates.predicate(3);
    Bindings bindings = predicates.bindings(sq, skv);
    Ranges launch = Ranges.of(Predicates.spec(mask), bindings);
    Eval eval = new Eval(bindings);
    int h = (int) (seed & 1);
    Ranges head = launch.with(Position.B, Interval.of(1)).with(Position.H, Interval.of(h));
    for (int q = 0; q < sq; q += tile) {
      for (int kv = 0; kv < skv; kv += tile) {
        int q1 = Math.min(sq, q + tile) - 1;
        int kv1 = Math.min(skv, kv + tile) - 1;
        Ranges ranges =
            head.with(Position.Q, new Interval(q, q1)).with(Position.KV, new Interval(kv, kv1));
        TileClass found = TileClass.classify(mask, ranges);
        for (int i = q; i <= q1; i++) {
          for (int j = kv; j <= kv1; j++) {
            boolean live = eval.at(1, h, i, j).bool(mask);
            TileClass wrong = live ? TileClass.EMPTY : TileClass.FULL;
            String at = " at q=" + i + " kv=" + j;
            assertTrue(found != wrong, () -> Exprs.print(mask) + at + " in a tile " + found);
          }
        }
      }
    }
  }

  @Property(tries = 2000)
  void rangesOfKeysAndQueriesAreRight(
      @ForAll long seed,
      @ForAll @IntRange(min = 1, max = 40) int sq,
      @ForAll @IntRange(min = 1, max = 40) int skv,
      @ForAll @IntRange(min = 1, max = 16) int tile) {
    Predicates predicates = new Predicates(seed);
    Expr mask = seed % 3 == 0 ? predicates.structured(2) : predicates.predicate(3);
    Bindings bindings = predicates.bindings(sq, skv);
    AttentionSpec spec = Predicates.spec(mask);
    for (int h = 0; h < 2; h++) {
      Eval eval = new Eval(bindings).at(1, h, 0, 0);
      Truths truths = Truths.of(mask, bindings, 1, h);
      for (KvBounds bounds :
          List.of(KvBounds.solve(spec), KvBounds.withoutSearch(spec), KvBounds.ofQueries(spec))) {
        BoundedTiles found = BoundedTiles.of(bounds, truths, eval, tile, 1);
        assertEquals(0, found.wrong(), () -> Exprs.print(mask) + "\n" + bounds.print());
      }
    }
  }
}
