package dev.attune.compiler.analysis;

import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.BinaryOp;
import dev.attune.compiler.spec.CompareOp;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Expr.Binary;
import dev.attune.compiler.spec.Expr.BoolConst;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.Extent;
import dev.attune.compiler.spec.ScalarType;
import dev.attune.compiler.spec.Shape;
import dev.attune.compiler.spec.Simplify;
import java.util.List;
import java.util.Map;

/**
 * What holds for every tile of every launch of a spec: declared ranges, and that {@code 0 <=
 * q_first <= q_last < Sq} and {@code 0 <= kv_first <= kv_last < Skv}, with tiles of limited extent.
 */
final class Facts {
  /** Far from where a product or sum of two of them would leave 64 bits. */
  private static final Interval EXACT = new Interval(-(1L << 62), 1L << 62);

  private static final List<List<Expr>> ORDERED =
      List.of(
          List.of(KvBounds.Q_FIRST, KvBounds.Q_LAST, new Expr.Size(Extent.SQ)),
          List.of(KvBounds.KV_FIRST, KvBounds.KV_LAST, new Expr.Size(Extent.SKV)));

  private final AttentionSpec spec;
  private final Ranges ranges;
  private final List<Long> extents;

  /** Of tiles of any size. */
  Facts(AttentionSpec spec) {
    this(spec, Shape.MAX_SEQ, Shape.MAX_SEQ);
  }

  /** Of tiles of at most so many rows and keys. */
  Facts(AttentionSpec spec, int rows, int cols) {
    this.spec = spec;
    this.ranges = Ranges.worstCase(spec);
    this.extents = List.of((long) rows, (long) cols);
  }

  AttentionSpec spec() {
    return spec;
  }

  Ranges ranges() {
    return ranges;
  }

  /** Whether the expression is q or kv. */
  static boolean isPosition(Expr e) {
    return e.equals(Extremes.Q) || e.equals(Extremes.KV);
  }

  /** Whether an expression differs between the pairs of a tile. */
  static boolean varies(Expr e) {
    return Exprs.uses(e, Facts::isPosition);
  }

  /** Whether {@code a <= b} always. */
  boolean ordered(Expr a, Expr b) {
    return difference(a, b) <= 0;
  }

  /** {@code a <= b}, as a constant where it is known. */
  Expr atMost(Expr a, Expr b) {
    try {
      Affine d = Affine.of(a).minus(Affine.of(b));
      return most(d) <= 0
          ? new BoolConst(true)
          : -most(d.times(-1)) > 0 ? new BoolConst(false) : Simplify.simplify(d.notPositive());
    } catch (ArithmeticException tooLarge) {
      return Simplify.simplify(new Expr.Compare(CompareOp.LE, a, b));
    }
  }

  /** An upper bound of {@code a - b}. */
  long difference(Expr a, Expr b) {
    try {
      return most(Affine.of(a).minus(Affine.of(b)));
    } catch (ArithmeticException tooLarge) {
      return Interval.ALL.hi();
    }
  }

  /** Whether the expression is the same for all pairs of a tile, and at least 1. */
  boolean isDivisor(Expr n) {
    return !varies(n) && ranges.integer(n).lo() >= 1;
  }

  /** Whether no int in the expression comes near the ends of 64 bits. */
  boolean exact(Expr e) {
    return (e.type() != ScalarType.INT || ranges.integer(e).within(EXACT))
        && Exprs.children(e).stream().allMatch(this::exact);
  }

  /** An upper bound of the sum: where a maximum or minimum stands in it, of each side. */
  private long most(Affine d) {
    long bound = inOrder(d);
    if (bound <= 0) {
      return bound;
    }
    for (Map.Entry<Expr, Long> t : d.terms().entrySet()) {
      if (t.getKey() instanceof Binary(BinaryOp op, Expr a, Expr b)
          && (op == BinaryOp.MAX || op == BinaryOp.MIN)) {
        Affine rest = d.without(t.getKey());
        long x = most(rest.plus(Affine.of(a).times(t.getValue())));
        long y = most(rest.plus(Affine.of(b).times(t.getValue())));
        boolean larger = (op == BinaryOp.MAX) == t.getValue() > 0;
        return Math.min(bound, larger ? Math.max(x, y) : Math.min(x, y));
      }
    }
    return bound;
  }

  /** A bound by ranges, with q_last as q_first plus what is not negative, and so on. */
  private long inOrder(Affine d) {
    Interval plain = ranges.integer(d);
    Interval total = Interval.of(d.constant());
    Affine rest = d;
    for (int i = 0; i < ORDERED.size(); i++) {
      List<Expr> chain = ORDERED.get(i);
      long first = d.coefficient(chain.get(0));
      long last = d.coefficient(chain.get(1));
      long size = d.coefficient(chain.get(2));
      total =
          total
              .add(new Interval(0, Shape.MAX_SEQ - 1).mul(Interval.of(first + last + size)))
              .add(new Interval(0, extents.get(i) - 1).mul(Interval.of(last + size)))
              .add(new Interval(1, Shape.MAX_SEQ).mul(Interval.of(size)));
      for (Expr e : chain) {
        rest = rest.without(e);
      }
    }
    for (Map.Entry<Expr, Long> t : rest.terms().entrySet()) {
      total = total.add(ranges.integer(t.getKey()).mul(Interval.of(t.getValue())));
    }
    return Math.min(plain.hi(), total.hi());
  }
}
