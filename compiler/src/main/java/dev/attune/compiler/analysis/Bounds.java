package dev.attune.compiler.analysis;

import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.BinaryOp;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Expr.At;
import dev.attune.compiler.spec.Expr.Binary;
import dev.attune.compiler.spec.Expr.IntConst;
import dev.attune.compiler.spec.Expr.Size;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.Extent;
import dev.attune.compiler.spec.Position;
import java.util.List;
import java.util.Map;

/** Proofs that an index stays inside its tensor for every size, element and admitted value. */
public final class Bounds {
  private static final Expr SQ = new Size(Extent.SQ);
  private static final Expr SKV = new Size(Extent.SKV);

  private Bounds() {}

  /**
   * Whether {@code 0 <= index < extent} is proved for all b, h, q and kv of every problem that has
   * an element.
   */
  public static boolean inside(Expr index, Expr extent, AttentionSpec spec) {
    Ranges ranges = Ranges.worstCase(spec);
    Affine i = Affine.of(index);
    return least(i, ranges) >= 0 && least(Affine.of(extent).minus(i).plus(-1), ranges) >= 0;
  }

  /**
   * The same of an index of a sequence and the extent of a launch, whose sizes are no smaller: the
   * extent must not fall as they grow, and the index not mean the last key of a sequence that has
   * none.
   */
  public static boolean insideLaunch(Expr index, Expr extent, AttentionSpec spec) {
    boolean lastKey = Exprs.uses(index, SKV::equals) && !Exprs.uses(index, Position.KV);
    return grows(extent) && !lastKey && inside(index, extent, spec);
  }

  /** Whether an extent is known not to fall where Sq or Skv grow. */
  private static boolean grows(Expr e) {
    return switch (e) {
      case Size s -> true;
      case Binary(BinaryOp op, Expr a, Expr b) ->
          switch (op) {
            case ADD, MIN, MAX -> grows(a) && grows(b);
            case SUB -> grows(a) && fixed(b);
            case FLOOR_DIV -> grows(a) && b instanceof IntConst(long n) && n > 0;
            default -> fixed(e);
          };
      default -> fixed(e);
    };
  }

  private static boolean fixed(Expr e) {
    return !Exprs.uses(e, SQ::equals) && !Exprs.uses(e, SKV::equals);
  }

  /**
   * A lower bound of a sum in which positions that count against it are replaced by the last one of
   * their extent ({@code q} by {@code Sq - 1}), and sizes then stand for themselves, so that an
   * index meets the extent it belongs to.
   */
  private static long least(Affine sum, Ranges ranges) {
    Affine rest = sum;
    for (Map.Entry<Expr, Long> t : List.copyOf(sum.terms().entrySet())) {
      if (t.getKey() instanceof At(Position p)) {
        rest = rest.without(t.getKey());
        if (t.getValue() < 0) {
          Affine last = Affine.atom(new Size(Ranges.extent(p))).plus(-1);
          rest = rest.plus(last.times(t.getValue()));
        }
      }
    }
    return atLeastOne(rest, ranges).lo();
  }

  /** Every size whose element exists is at least 1. */
  private static Interval atLeastOne(Affine sum, Ranges ranges) {
    Ranges elements = ranges;
    for (Expr atom : sum.terms().keySet()) {
      if (atom instanceof Size(var extent)) {
        Interval size = ranges.integer(atom);
        elements = elements.with(extent, new Interval(Math.max(1, size.lo()), size.hi()));
      }
    }
    return elements.integer(sum);
  }
}
