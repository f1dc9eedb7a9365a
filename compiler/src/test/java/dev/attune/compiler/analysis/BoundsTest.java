package dev.attune.compiler.analysis;

import static dev.attune.compiler.analysis.Predicates.KV;
import static dev.attune.compiler.analysis.Predicates.Q;
import static dev.attune.compiler.analysis.Predicates.SKV;
import static dev.attune.compiler.analysis.Predicates.SQ;
import static dev.attune.compiler.analysis.Predicates.WINDOW;
import static dev.attune.compiler.analysis.Predicates.doc;
import static dev.attune.compiler.spec.Exprs.add;
import static dev.attune.compiler.spec.Exprs.mul;
import static dev.attune.compiler.spec.Exprs.of;
import static dev.attune.compiler.spec.Exprs.sub;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.BinaryOp;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Expr.Binary;
import dev.attune.compiler.spec.Exprs;
import org.junit.jupiter.api.Test;

class BoundsTest {
  private static final AttentionSpec SPEC = Predicates.spec(of(true));

  private static boolean inside(Expr index, Expr extent) {
    return Bounds.inside(index, extent, SPEC);
  }

  @Test
  void positionsAreInsideTheirExtents() {
    assertTrue(inside(Q, SQ));
    assertTrue(inside(KV, SKV));
    assertFalse(inside(Q, SKV));
    assertFalse(inside(add(Q, of(1L)), SQ));
    assertFalse(inside(sub(Q, of(1L)), SQ));
  }

  @Test
  void relativePositionsAreInsideATableOfAllDistances() {
    Expr distances = sub(add(SQ, SKV), of(1L));
    assertTrue(inside(sub(add(sub(KV, Q), SQ), of(1L)), distances));
    assertFalse(inside(add(sub(KV, Q), SQ), distances));
    assertFalse(inside(sub(add(sub(KV, Q), SKV), of(1L)), sub(distances, of(1L))));
  }

  @Test
  void clampedIndicesAreInside() {
    Expr clamped = Exprs.max(of(0L), Exprs.min(sub(Q, KV), of(7L)));
    assertTrue(inside(clamped, of(8L)));
    assertFalse(inside(clamped, of(7L)));
    assertTrue(inside(new Binary(BinaryOp.FLOOR_MOD, Q, of(8L)), of(8L)));
  }

  @Test
  void unknownValuesAreNotInside() {
    assertFalse(inside(doc(Q), SKV));
    assertFalse(inside(WINDOW, of(41L)));
  }

  @Test
  void productsOfPositionsNeed64Bits() {
    IntRanges ranges = IntRanges.of(SPEC);
    assertTrue(ranges.fits32(add(sub(Q, KV), mul(WINDOW, of(1000L)))));
    assertFalse(ranges.fits32(mul(Q, KV)));
    assertFalse(ranges.fits32(sub(mul(Q, KV), mul(Q, KV))));
    assertEquals(new Interval(-(1 << 24) + 1, (1 << 24) - 1), ranges.of(sub(Q, KV)));
    assertEquals(Interval.of(0), ranges.of(sub(add(KV, sub(Q, KV)), Q)));
  }
}
