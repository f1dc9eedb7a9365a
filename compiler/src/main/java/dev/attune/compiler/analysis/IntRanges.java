package dev.attune.compiler.analysis;

import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Expr.Reduce;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.ScalarType;

/** Decides for code generation where 32 bits suffice, whatever a launch of the spec binds. */
public final class IntRanges {
  private static final Interval INT32 = new Interval(Integer.MIN_VALUE, Integer.MAX_VALUE);

  private final Ranges ranges;

  private IntRanges(Ranges ranges) {
    this.ranges = ranges;
  }

  /** The ranges of a spec in its worst case: see {@link Ranges#worstCase}. */
  public static IntRanges of(AttentionSpec spec) {
    return new IntRanges(Ranges.worstCase(spec));
  }

  /** The values of an int expression. */
  public Interval of(Expr e) {
    return ranges.integer(e);
  }

  /**
   * Whether the int expression and every int below it stay within 32 bits, so that evaluating it as
   * written in 32-bit registers is exact.
   */
  public boolean fits32(Expr e) {
    return fits32(ranges, e);
  }

  private static boolean fits32(Ranges ranges, Expr e) {
    if (e.type() == ScalarType.INT && !ranges.integer(e).within(INT32)) {
      return false;
    }
    Ranges inner = ranges;
    if (e instanceof Reduce r) {
      long trips = Math.max(1, r.to() - r.from());
      inner = ranges.with(r.variable(), new Interval(r.from(), r.from() + trips - 1));
      boolean sum = r.type() == ScalarType.INT; // Partial sums may be larger than the whole.
      if (sum && !inner.integer(r.body()).mul(Interval.of(trips)).within(INT32)) {
        return false;
      }
    }
    for (Expr child : Exprs.children(e)) {
      if (!fits32(inner, child)) {
        return false;
      }
    }
    return true;
  }
}
