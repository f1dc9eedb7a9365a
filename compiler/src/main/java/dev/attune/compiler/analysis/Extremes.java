package dev.attune.compiler.analysis;

import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.BinaryOp;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Expr.At;
import dev.attune.compiler.spec.Expr.Binary;
import dev.attune.compiler.spec.Expr.Gather;
import dev.attune.compiler.spec.Expr.IntConst;
import dev.attune.compiler.spec.Expr.Select;
import dev.attune.compiler.spec.Expr.Unary;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.ParamDecl;
import dev.attune.compiler.spec.Position;
import dev.attune.compiler.spec.ScalarType;
import dev.attune.compiler.spec.Simplify;
import dev.attune.compiler.spec.TensorDecl;
import dev.attune.compiler.spec.UnaryOp;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Bounds of an int expression over the rows of a tile, as expressions of its first and last row:
 * where it is monotone in q the value at one end, and never on the wrong side.
 */
final class Extremes {
  private static final Expr Q = new At(Position.Q);

  private final AttentionSpec spec;
  private final Ranges ranges;

  Extremes(AttentionSpec spec) {
    this.spec = spec;
    this.ranges = Ranges.worstCase(spec);
  }

  Ranges ranges() {
    return ranges;
  }

  /** An expression without q that is no less than the sum at any row of the tile. */
  Optional<Expr> most(Affine sum) {
    return extreme(sum, true);
  }

  /** An expression without q that is no more than the sum at any row of the tile. */
  Optional<Expr> least(Affine sum) {
    return extreme(sum, false);
  }

  private Optional<Expr> extreme(Affine sum, boolean most) {
    Affine total = Affine.constant(sum.constant());
    for (Map.Entry<Expr, Long> t : sum.terms().entrySet()) {
      Optional<Expr> e = extreme(t.getKey(), most == t.getValue() > 0);
      if (e.isEmpty()) {
        return e;
      }
      try {
        total = total.plus(Affine.of(e.get()).times(t.getValue()));
      } catch (ArithmeticException tooLarge) {
        return Optional.empty();
      }
    }
    return Optional.of(Simplify.simplify(total.expr()));
  }

  private Optional<Expr> extreme(Expr e, boolean most) {
    if (!Exprs.uses(e, Position.Q)) {
      return Optional.of(e);
    }
    return switch (e) {
      case At p -> Optional.of(most ? KvBounds.Q_LAST : KvBounds.Q_FIRST);
      case Unary(UnaryOp op, Expr x) ->
          switch (op) {
            case NEG -> extreme(Affine.of(e), most);
            case ABS -> absolute(x, most);
            case BIT_NOT -> extreme(x, !most).map(y -> new Unary(UnaryOp.BIT_NOT, y));
            default -> constant(e, most);
          };
      case Binary(BinaryOp op, Expr a, Expr b) -> binary(e, op, a, b, most);
      case Select(Expr c, Expr a, Expr b) -> both(most ? BinaryOp.MAX : BinaryOp.MIN, a, b, most);
      case Gather g -> gather(g, most);
      default -> constant(e, most);
    };
  }

  private Optional<Expr> binary(Expr e, BinaryOp op, Expr a, Expr b, boolean most) {
    boolean fixed = !Exprs.uses(b, Position.Q);
    return switch (op) {
      case ADD, SUB -> extreme(Affine.of(e), most);
      case MUL -> {
        Affine sum = Affine.of(e);
        yield sum.terms().containsKey(e) ? product(e, a, b, most) : extreme(sum, most);
      }
      case MIN, MAX -> both(op, a, b, most);
      case FLOOR_DIV ->
          fixed && ranges.integer(b).lo() >= 1
              ? extreme(a, most).map(x -> new Binary(op, x, b))
              : constant(e, most);
      case SHR -> fixed ? extreme(a, most).map(x -> new Binary(op, x, b)) : constant(e, most);
      case FLOOR_MOD ->
          fixed && ranges.integer(b).lo() >= 1
              ? Optional.of(most ? Exprs.sub(b, new IntConst(1)) : new IntConst(0))
              : constant(e, most);
      default -> constant(e, most);
    };
  }

  private Optional<Expr> product(Expr e, Expr a, Expr b, boolean most) {
    boolean first = Exprs.uses(a, Position.Q);
    Expr varying = first ? a : b;
    Expr factor = first ? b : a;
    if (Exprs.uses(factor, Position.Q)) {
      return constant(e, most);
    }
    Interval sign = ranges.integer(factor);
    if (sign.lo() < 0 && sign.hi() > 0) {
      return constant(e, most);
    }
    return extreme(Affine.of(varying), most == sign.lo() >= 0).map(x -> Exprs.mul(x, factor));
  }

  private Optional<Expr> both(BinaryOp op, Expr a, Expr b, boolean most) {
    Optional<Expr> x = extreme(Affine.of(a), most);
    Optional<Expr> y = extreme(Affine.of(b), most);
    if (x.isPresent() && y.isPresent()) {
      return Optional.of(new Binary(op, x.get(), y.get()));
    }
    // min(a, b) <= a, and max(a, b) >= a.
    boolean oneSuffices = most ? op == BinaryOp.MIN : op == BinaryOp.MAX;
    return oneSuffices ? x.or(() -> y) : Optional.empty();
  }

  private Optional<Expr> absolute(Expr x, boolean most) {
    Optional<Expr> high = extreme(Affine.of(x), true);
    Optional<Expr> low = extreme(Affine.of(x), false);
    if (high.isEmpty() || low.isEmpty()) {
      return most ? Optional.empty() : Optional.of(new IntConst(0));
    }
    Expr below = new Unary(UnaryOp.NEG, most ? low.get() : high.get());
    Expr either = Exprs.max(most ? high.get() : low.get(), below);
    return Optional.of(most ? either : Exprs.max(either, new IntConst(0)));
  }

  private Optional<Expr> gather(Gather g, boolean most) {
    Optional<TensorDecl> tensor = spec.tensor(g.tensor());
    int last = g.indices().size() - 1;
    boolean rows = g.indices().subList(0, last).stream().anyMatch(i -> Exprs.uses(i, Position.Q));
    if (tensor.isEmpty() || !tensor.get().nondecreasing() || rows) {
      return constant(g, most);
    }
    Optional<Expr> index = extreme(Affine.of(g.indices().get(last)), most);
    if (index.isEmpty()) {
      return constant(g, most);
    }
    List<Expr> indices = new ArrayList<>(g.indices());
    indices.set(last, index.get());
    return Optional.of(new Gather(g.tensor(), g.type(), indices));
  }

  /** What the declared facts say of an expression that is not monotone. */
  private Optional<Expr> constant(Expr e, boolean most) {
    Interval values = ranges.integer(e);
    long end = most ? values.hi() : values.lo();
    boolean useful = Math.abs(end) <= ParamDecl.INT_LIMIT && e.type() == ScalarType.INT;
    return useful ? Optional.of(new IntConst(end)) : Optional.empty();
  }

  /** Whether an expression varies along the rows of a tile. */
  static boolean varies(Expr e) {
    return Exprs.uses(e, Q::equals);
  }
}
