package dev.attune.compiler.analysis;

import static dev.attune.compiler.analysis.Predicates.KV;
import static dev.attune.compiler.analysis.Predicates.Q;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.attune.compiler.check.Frontend;
import dev.attune.compiler.check.ImportResolver;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.BinaryOp;
import dev.attune.compiler.spec.Bindings;
import dev.attune.compiler.spec.Clause;
import dev.attune.compiler.spec.CompareOp;
import dev.attune.compiler.spec.Eval;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.Normalization;
import dev.attune.compiler.spec.ScalarType;
import dev.attune.compiler.spec.Simplify;
import dev.attune.compiler.spec.UnaryOp;
import dev.attune.dsl.diagnostic.Source;
import java.util.Optional;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Which masks fall apart, and that what is said of a class is what was said of its positions. */
class ResiduesTest {

  private static AttentionSpec spec(String mask) {
    String text =
        """
        attention test {
          param n : int = 2 where n >= 1
          param m : int = 2
          param w : int = 9 where w >= 0
          tensor step : int[Hq]
          mask = %s
        }
        """
            .formatted(mask);
    return Frontend.load(new Source("test.attn", text), ImportResolver.none()).specs().getFirst();
  }

  /** What is left is one range of keys per row, so that no tile is tested. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "(q - kv) % n == 0 | n | true",
        "0 == (kv - q) % n | n | true",
        "dilated(n) and abs(q - kv) <= w | n | abs(q - kv) <= w // n",
        "causal and q - kv < w and dilated(n) | n | kv <= q and q <= kv + (w - 1) // n",
        "q % n == kv % n and kv < w | n | kv <= (w - residue - 1) // n",
        "q % n == kv % n and kv <= q + (Skv - Sq)"
            + " | n | kv <= q + (all_keys - all_queries) // n",
        "(q + w) % n == (kv + w) % n and q // n < 5 | n | q < 5",
        "(q - kv) % 3 == 0 and q - kv < 7 | 3 | q <= kv + 2",
        "(q - kv) & 3 == 0 and max(q, kv) >= w | 4 | max(q, kv) + (residue - w) // 4 >= 0",
        "q % n == h % n == kv % n | n | residue == h % n and h % n == residue",
        "(q - kv) % n == 0 and (q - kv) % 6 == 0 | n | (q - kv) * n % 6 == 0",
        "not (abs(q - kv) % n != 0) and not (abs(q - kv) > w) | n | abs(q - kv) <= w // n",
      })
  void masksThatFallApart(String mask, String step, String inside) {
    AttentionSpec split = Residues.split(spec(mask)).orElseThrow();
    assertEquals(step, Exprs.print(split.step().orElseThrow()));
    assertEquals(inside, Exprs.print(split.mask().expr()));
    assertEquals(!inside.contains("% 6"), KvBounds.ofRow(split).isPresent());
    assertEquals(Optional.empty(), Residues.split(split), "falls apart once");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "causal",
        "(q - kv) % n == 0 or kv == 0",
        "(q - kv) % n != 0",
        "(q - kv) % n == 1",
        "(q - kv) % m == 0",
        "(q - kv) % step[h] == 0",
        "(q - kv) % (2 * n) == 0",
        "(q + kv) % n == 0",
        "(q - 2 * kv) % n == 0",
        "q % n == (kv + 1) % n",
        "q % n == kv % 3",
        "q % n == h % n",
        "(q - kv) & 5 == 0",
        "q % n == 0 and kv % n == 1",
      })
  void masksThatDoNot(String mask) {
    assertEquals(Optional.empty(), Residues.split(spec(mask)));
  }

  /** Random masks and scores with a congruence: at every pair, of every class. */
  @Property(tries = 1500)
  void classesSayWhatTheWholeSays(
      @ForAll long seed,
      @ForAll @IntRange(min = 1, max = 30) int sq,
      @ForAll @IntRange(min = 0, max = 30) int skv,
      @ForAll boolean constant) {
    Predicates predicates = new Predicates(seed);
    Expr n = constant ? Exprs.of(2 + Math.floorMod(seed, 5L)) : Predicates.CHUNK;
    Expr distance = new Expr.Binary(BinaryOp.FLOOR_MOD, Exprs.sub(Q, KV), n);
    Expr congruent = new Expr.Compare(CompareOp.EQ, distance, Exprs.of(0L));
    Expr rest = seed % 2 == 0 ? predicates.predicate(3) : predicates.structured(2);
    Expr score = new Expr.Unary(UnaryOp.TO_FLOAT, predicates.integer(3));
    AttentionSpec whole = with(Predicates.spec(Exprs.and(rest, congruent)), score);
    boolean dead = Simplify.simplify(whole.mask().expr()).equals(Exprs.of(false));
    assertEquals(!dead, Residues.split(whole).isPresent(), () -> Exprs.print(rest));
    AttentionSpec split = Residues.split(whole).orElse(whole);
    if (dead) {
      return;
    }
    Bindings bindings = predicates.bindings(sq, Math.max(1, skv));
    Eval outside = new Eval(bindings);
    Eval inside = new Eval(bindings);
    long step = outside.integer(split.step().orElseThrow());
    Ranges ranges = Ranges.worstCase(split);
    for (int q = 0; q < sq; q++) {
      int r = (int) (q % step);
      assertTrue(r < Residues.classes(step, sq));
      Residues.enter(inside, bindings.shape(), step, r);
      assertTrue(q / step < Residues.length(step, sq, r));
      for (int kv = 0; kv < bindings.shape().kvSeq(); kv++) {
        String at = Exprs.print(whole.mask().expr()) + " at " + q + ", " + kv;
        outside.at(1, 1, q, kv);
        if (kv % step != r) {
          assertFalse(outside.bool(whole.mask().expr()), at);
          continue;
        }
        inside.at(1, 1, (int) (q / step), (int) (kv / step));
        assertTrue(kv / step < Residues.length(step, bindings.shape().kvSeq(), r));
        assertEquals(outside.bool(whole.mask().expr()), inside.bool(split.mask().expr()), () -> at);
        assertEquals(
            outside.real(whole.score().expr()), inside.real(split.score().expr()), () -> at);
        contained(split.score().expr(), inside, ranges);
      }
    }
  }

  /** Every int is where 32 bits are chosen for it. */
  private static void contained(Expr e, Eval eval, Ranges ranges) {
    if (e.type() == ScalarType.INT
        && !Exprs.uses(e, x -> x instanceof Expr.Reduce)
        && !Exprs.uses(e, x -> x instanceof Expr.Var v && v.id() >= 0)) {
      assertTrue(ranges.integer(e).contains(eval.integer(e)), () -> Exprs.print(e));
    }
    Exprs.children(e).forEach(child -> contained(child, eval, ranges));
  }

  private static AttentionSpec with(AttentionSpec spec, Expr score) {
    return new AttentionSpec(
        spec.name(),
        spec.origin(),
        spec.params(),
        spec.tensors(),
        new Clause(score, spec.origin()),
        spec.mask(),
        new Normalization.Softmax(Optional.empty()),
        spec.outputs(),
        spec.dtype(),
        spec.headDim(),
        spec.instances());
  }

  /** Classes are disjoint and together everything; the longest comes first. */
  @Test
  void classesArePartition() {
    for (long step : new long[] {1, 2, 3, 7, 50, 1L << 31}) {
      for (int length = 0; length < 40; length++) {
        int sum = 0;
        for (int r = 0; r < Residues.classes(step, length); r++) {
          sum += Residues.length(step, length, r);
          assertTrue(Residues.length(step, length, r) <= Residues.length(step, length, 0));
          assertTrue(Residues.length(step, length, r) >= 1);
        }
        assertEquals(length, sum);
        assertEquals(
            0, Residues.length(step, length, Math.toIntExact(Math.min(step, length)) + 50));
      }
    }
  }
}
