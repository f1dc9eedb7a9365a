package dev.attune.compiler.analysis;

import static dev.attune.compiler.analysis.Predicates.KV;
import static dev.attune.compiler.analysis.Predicates.Q;
import static dev.attune.compiler.analysis.Predicates.SKV;
import static dev.attune.compiler.analysis.Predicates.SQ;
import static dev.attune.compiler.analysis.Predicates.WINDOW;
import static dev.attune.compiler.analysis.Predicates.doc;
import static dev.attune.compiler.spec.Exprs.add;
import static dev.attune.compiler.spec.Exprs.mul;
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
  private static final AttentionSpec SPEC = Predicates.spec(Exprs.of(true));

  private static boolean inside(Expr index, Expr extent) {
    return Bounds.inside(index, extent, SPEC);
  }

  @Test
  void positionsAreInsideTheirExtents() {
    assertTrue(inside(Q, SQ));
    assertTrue(inside(KV, SKV));
    assertFalse(inside(Q, SKV));
    assertFalse(inside(add(Q, Exprs.of(1L)), SQ));
    assertFalse(inside(sub(Q, Exprs.of(1L)), SQ));
  }

  @Test
  void relativePositionsAreInsideATableOfAllDistances() {
    Expr distances = sub(add(SQ, SKV), Exprs.of(1L));
    assertTrue(inside(sub(add(sub(KV, Q), SQ), Exprs.of(1L)), distances));
    assertFalse(inside(add(sub(KV, Q), SQ), distances));
    assertFalse(inside(sub(add(sub(KV, Q), SKV), Exprs.of(1L)), sub(distances, Exprs.of(1L))));
  }

  /** An extent of the longest sequence holds the indices of the others only if it grows. */
  @Test
  void indicesOfSequencesAreInsideExtentsThatGrow() {
    Expr distances = sub(add(SQ, SKV), Exprs.of(1L));
    Expr mirrored = sub(sub(SKV, KV), Exprs.of(1L));
    Expr blocks = new Binary(BinaryOp.FLOOR_DIV, add(SKV, Exprs.of(63L)), Exprs.of(64L));
    assertTrue(Bounds.insideLaunch(KV, SKV, SPEC));
    assertTrue(Bounds.insideLaunch(mirrored, SKV, SPEC));
    assertTrue(Bounds.insideLaunch(sub(add(sub(KV, Q), SQ), Exprs.of(1L)), distances, SPEC));
    assertTrue(Bounds.insideLaunch(Exprs.of(0L), Exprs.of(3L), SPEC));
    assertEquals(inside(Exprs.of(0L), blocks), Bounds.insideLaunch(Exprs.of(0L), blocks, SPEC));
    Expr last = sub(SKV, Exprs.of(1L));
    assertTrue(inside(last, SKV));
    assertFalse(Bounds.insideLaunch(last, SKV, SPEC));
    Expr falls = sub(Exprs.of(1L << 24), sub(SQ, Exprs.of(1L)));
    assertTrue(inside(Exprs.of(0L), falls));
    assertFalse(Bounds.insideLaunch(Exprs.of(0L), falls, SPEC));
  }

  @Test
  void clampedIndicesAreInside() {
    Expr clamped = Exprs.max(Exprs.of(0L), Exprs.min(sub(Q, KV), Exprs.of(7L)));
    assertTrue(inside(clamped, Exprs.of(8L)));
    assertFalse(inside(clamped, Exprs.of(7L)));
    assertTrue(inside(new Binary(BinaryOp.FLOOR_MOD, Q, Exprs.of(8L)), Exprs.of(8L)));
  }

  @Test
  void unknownValuesAreNotInside() {
    assertFalse(inside(doc(Q), SKV));
    assertFalse(inside(WINDOW, Exprs.of(41L)));
  }

  @Test
  void productsOfPositionsNeed64Bits() {
    IntRanges ranges = IntRanges.of(SPEC);
    assertTrue(ranges.fits32(add(sub(Q, KV), mul(WINDOW, Exprs.of(1000L)))));
    assertFalse(ranges.fits32(mul(Q, KV)));
    assertFalse(ranges.fits32(sub(mul(Q, KV), mul(Q, KV))));
    assertEquals(new Interval(-(1 << 24) + 1, (1 << 24) - 1), ranges.of(sub(Q, KV)));
    assertEquals(Interval.of(0), ranges.of(sub(add(KV, sub(Q, KV)), Q)));
  }
}
