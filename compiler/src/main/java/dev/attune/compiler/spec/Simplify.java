package dev.attune.compiler.spec;

import dev.attune.compiler.spec.Expr.At;
import dev.attune.compiler.spec.Expr.Binary;
import dev.attune.compiler.spec.Expr.BoolConst;
import dev.attune.compiler.spec.Expr.Compare;
import dev.attune.compiler.spec.Expr.FloatConst;
import dev.attune.compiler.spec.Expr.Gather;
import dev.attune.compiler.spec.Expr.IntConst;
import dev.attune.compiler.spec.Expr.Param;
import dev.attune.compiler.spec.Expr.Reduce;
import dev.attune.compiler.spec.Expr.Scale;
import dev.attune.compiler.spec.Expr.Score;
import dev.attune.compiler.spec.Expr.Search;
import dev.attune.compiler.spec.Expr.Select;
import dev.attune.compiler.spec.Expr.Size;
import dev.attune.compiler.spec.Expr.Unary;
import dev.attune.compiler.spec.Expr.Var;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Rewrites an expression to a smaller one of the same value everywhere: for ints because they do
 * not wrap, for floats only where the result is the same to the bit, signed zeros, infinities and
 * NaN included, in binary64 and in binary32.
 */
public final class Simplify {
  private static final long EXACT = Shape.MAX_SEQ;

  private Simplify() {}

  /** The simplified expression: the same node where nothing changes. */
  public static Expr simplify(Expr e) {
    Expr inner = Exprs.mapChildren(e, Simplify::simplify);
    Expr better = step(inner);
    return better == null ? inner : simplify(better);
  }

  /** One rewrite at the root, or null where no rule applies. Each removes or orders something. */
  private static @Nullable Expr step(Expr e) {
    return switch (e) {
      case Unary u -> unary(u);
      case Binary b ->
          switch (b.type()) {
            case INT -> ints(b);
            case FLOAT -> floats(b);
            case BOOL -> bools(b);
          };
      case Compare c -> compare(c);
      case Select s -> select(s);
      case Reduce r -> reduce(r);
      case IntConst c -> null;
      case FloatConst c -> null;
      case BoolConst c -> null;
      case Score s -> null;
      case Scale s -> null;
      case At p -> null;
      case Size s -> null;
      case Param p -> null;
      case Gather g -> null;
      case Search s -> null;
      case Var v -> null;
    };
  }

  private static @Nullable Expr unary(Unary u) {
    Expr x = u.x();
    return switch (u.op()) {
      case NOT ->
          switch (x) {
            case BoolConst(boolean v) -> new BoolConst(!v);
            case Unary(UnaryOp op, Expr y) when op == UnaryOp.NOT -> y;
            // Not so for < of floats: with NaN both it and >= are false.
            case Compare(CompareOp op, Expr a, Expr b)
                when a.type() != ScalarType.FLOAT || op == CompareOp.EQ || op == CompareOp.NE ->
                new Compare(op.negated(), a, b);
            default -> null;
          };
      case NEG ->
          switch (x) {
            case IntConst(long v) when v != Long.MIN_VALUE -> new IntConst(-v);
            case FloatConst(double v) -> new FloatConst(-v);
            case Unary(UnaryOp op, Expr y) when op == UnaryOp.NEG -> y;
            case Binary(BinaryOp op, Expr a, Expr b)
                when op == BinaryOp.SUB && a.type() == ScalarType.INT ->
                Exprs.sub(b, a);
            default -> null;
          };
      case ABS ->
          switch (x) {
            case IntConst(long v) when v != Long.MIN_VALUE -> new IntConst(Math.abs(v));
            case FloatConst(double v) -> new FloatConst(Math.abs(v));
            case Unary(UnaryOp op, Expr y) when op == UnaryOp.NEG -> new Unary(UnaryOp.ABS, y);
            case Unary(UnaryOp op, Expr y) when op == UnaryOp.ABS -> x;
            default -> null;
          };
      case BIT_NOT ->
          switch (x) {
            case IntConst(long v) -> new IntConst(~v);
            case Unary(UnaryOp op, Expr y) when op == UnaryOp.BIT_NOT -> y;
            default -> null;
          };
      case TO_FLOAT ->
          switch (x) {
            case IntConst(long v) -> new FloatConst((double) v);
            default -> null;
          };
      case TO_INT ->
          switch (x) {
            case FloatConst(double v) -> new IntConst(Eval.toInt(v));
            case Unary(UnaryOp op, Expr y) when op == UnaryOp.TO_FLOAT && exact(y) -> y;
            default -> null;
          };
      case EXP, EXP2, LOG, LOG2, SQRT, RSQRT, TANH, FAST_TANH, ERF, SIN, COS ->
          x instanceof FloatConst(double v) ? finite(Eval.unary(u.op(), v)) : null;
    };
  }

  private static @Nullable Expr ints(Binary n) {
    BinaryOp op = n.op();
    Expr a = n.a();
    Expr b = n.b();
    if (a instanceof IntConst(long x) && b instanceof IntConst(long y)) {
      try {
        return new IntConst(Eval.binary(op, x, y));
      } catch (ArithmeticException tooLarge) {
        return null;
      }
    }
    if (a instanceof IntConst && commutes(op)) {
      return new Binary(op, b, a);
    }
    return switch (op) {
      case ADD, SUB -> sum(op, a, b);
      case MUL ->
          isInt(b, 0) ? b : isInt(b, 1) ? a : isInt(b, -1) ? new Unary(UnaryOp.NEG, a) : regroup(n);
      case FLOOR_DIV -> isInt(b, 1) ? a : isInt(b, 0) || isInt(a, 0) ? new IntConst(0) : null;
      case FLOOR_MOD ->
          isInt(b, 1) || isInt(b, -1) || isInt(b, 0) || isInt(a, 0) || a.equals(b)
              ? new IntConst(0)
              : null;
      case MIN, MAX -> a.equals(b) ? a : regroup(n);
      case BIT_AND -> isInt(b, 0) ? b : isInt(b, -1) || a.equals(b) ? a : regroup(n);
      case BIT_OR -> isInt(b, -1) ? b : isInt(b, 0) || a.equals(b) ? a : regroup(n);
      case BIT_XOR -> a.equals(b) ? new IntConst(0) : isInt(b, 0) ? a : regroup(n);
      case SHL, SHR -> isInt(a, 0) || (b instanceof IntConst(long y) && y <= 0) ? a : null;
      case DIV, POW, AND, OR -> null;
    };
  }

  private static @Nullable Expr sum(BinaryOp op, Expr a, Expr b) {
    boolean add = op == BinaryOp.ADD;
    if (isInt(b, 0)) {
      return a;
    }
    if (!add && isInt(a, 0)) {
      return new Unary(UnaryOp.NEG, b);
    }
    if (!add && a.equals(b)) {
      return new IntConst(0);
    }
    if (b instanceof IntConst(long y) && y < 0 && y != Long.MIN_VALUE) {
      return new Binary(add ? BinaryOp.SUB : BinaryOp.ADD, a, new IntConst(-y));
    }
    if (b instanceof Unary(UnaryOp neg, Expr y) && neg == UnaryOp.NEG) {
      return new Binary(add ? BinaryOp.SUB : BinaryOp.ADD, a, y);
    }
    if (add && a instanceof Unary(UnaryOp neg, Expr x) && neg == UnaryOp.NEG) {
      return Exprs.sub(b, x);
    }
    if (!(a instanceof Binary(BinaryOp in, Expr x, Expr y))
        || (in != BinaryOp.ADD && in != BinaryOp.SUB)) {
      return null;
    }
    boolean inAdd = in == BinaryOp.ADD;
    if (b instanceof IntConst(long c) && y instanceof IntConst(long d)) {
      try {
        return Exprs.add(
            x,
            new IntConst(
                Math.addExact(inAdd ? d : Math.negateExact(d), add ? c : Math.negateExact(c))));
      } catch (ArithmeticException tooLarge) {
        return null;
      }
    }
    if (add != inAdd && y.equals(b)) {
      return x;
    }
    if (!add && inAdd && x.equals(b)) {
      return y;
    }
    return !add && !inAdd && x.equals(b) ? new Unary(UnaryOp.NEG, y) : null;
  }

  /** {@code (x op c) op d} becomes {@code x op (c op d)} for an associative int operation. */
  private static @Nullable Expr regroup(Binary n) {
    if (n.b() instanceof IntConst(long d)
        && n.a() instanceof Binary(BinaryOp op, Expr x, IntConst(long c))
        && op == n.op()) {
      try {
        return new Binary(op, x, new IntConst(Eval.binary(op, c, d)));
      } catch (ArithmeticException tooLarge) {
        return null;
      }
    }
    return null;
  }

  private static @Nullable Expr floats(Binary n) {
    Expr a = n.a();
    Expr b = n.b();
    if (a instanceof FloatConst(double x) && b instanceof FloatConst(double y)) {
      return finite(Eval.binary(n.op(), x, y));
    }
    return switch (n.op()) {
      // x + 0 is not x for x = -0.
      case ADD -> isFloat(b, -0.0) ? a : isFloat(a, -0.0) ? b : null;
      case SUB -> isFloat(b, 0.0) ? a : null;
      case MUL ->
          isFloat(b, 1)
              ? a
              : isFloat(a, 1)
                  ? b
                  : isFloat(b, -1)
                      ? new Unary(UnaryOp.NEG, a)
                      : isFloat(a, -1) ? new Unary(UnaryOp.NEG, b) : null;
      case DIV -> isFloat(b, 1) ? a : divisionByPowerOfTwo(a, b);
      case MIN, MAX -> a.equals(b) ? a : null;
      case POW -> isFloat(b, 1) ? a : isFloat(b, 0) ? new FloatConst(1) : square(a, b);
      default -> null;
    };
  }

  private static @Nullable Expr divisionByPowerOfTwo(Expr a, Expr b) {
    if (b instanceof FloatConst(double y)
        && Math.abs(Math.getExponent(y)) <= 100
        && Math.abs(y) == Math.scalb(1.0, Math.getExponent(y))) {
      return Exprs.mul(a, new FloatConst(1 / y));
    }
    return null;
  }

  private static @Nullable Expr square(Expr a, Expr b) {
    return isFloat(b, 2) && Exprs.nodes(a) <= 3 ? Exprs.mul(a, a) : null;
  }

  private static @Nullable Expr bools(Binary n) {
    Expr a = n.a();
    Expr b = n.b();
    boolean and = n.op() == BinaryOp.AND;
    if (a instanceof BoolConst(boolean v)) {
      return v == and ? b : a;
    }
    if (b instanceof BoolConst(boolean v)) {
      return v == and ? a : b;
    }
    if (a.equals(b)) {
      return a;
    }
    return b.equals(step(Exprs.not(a))) || a.equals(step(Exprs.not(b))) || complement(a, b)
        ? new BoolConst(!and)
        : null;
  }

  private static boolean complement(Expr a, Expr b) {
    return a.equals(Exprs.not(b)) || b.equals(Exprs.not(a));
  }

  private static @Nullable Expr compare(Compare c) {
    CompareOp op = c.op();
    Expr a = c.a();
    Expr b = c.b();
    if (literal(a) && !literal(b)) {
      return new Compare(op.swapped(), b, a);
    }
    return switch (a.type()) {
      case BOOL -> {
        boolean equal = op == CompareOp.EQ;
        if (b instanceof BoolConst(boolean v)) {
          yield v == equal ? a : Exprs.not(a);
        }
        yield a.equals(b) ? new BoolConst(equal) : null;
      }
      case FLOAT ->
          a instanceof FloatConst(double x) && b instanceof FloatConst(double y)
              ? new BoolConst(Eval.compare(op, x, y))
              : null;
      case INT -> {
        if (a instanceof IntConst(long x) && b instanceof IntConst(long y)) {
          yield new BoolConst(Eval.compare(op, Long.compare(x, y)));
        }
        yield a.equals(b) ? new BoolConst(Eval.compare(op, 0)) : intCompare(op, a, b);
      }
    };
  }

  private static @Nullable Expr intCompare(CompareOp op, Expr a, Expr b) {
    if (!(b instanceof IntConst(long c))) {
      return null;
    }
    try {
      return switch (a) {
        case Unary(UnaryOp neg, Expr x) when neg == UnaryOp.NEG ->
            new Compare(op.swapped(), x, new IntConst(Math.negateExact(c)));
        case Binary(BinaryOp in, Expr x, IntConst(long d)) when in == BinaryOp.ADD ->
            new Compare(op, x, new IntConst(Math.subtractExact(c, d)));
        case Binary(BinaryOp in, Expr x, IntConst(long d)) when in == BinaryOp.SUB ->
            new Compare(op, x, new IntConst(Math.addExact(c, d)));
        case Binary(BinaryOp in, Expr x, Expr y) when in == BinaryOp.SUB && c == 0 ->
            new Compare(op, x, y);
        default -> null;
      };
    } catch (ArithmeticException tooLarge) {
      return null;
    }
  }

  private static @Nullable Expr select(Select s) {
    Expr c = s.condition();
    Expr a = s.then();
    Expr b = s.otherwise();
    if (c instanceof BoolConst(boolean v)) {
      return v ? a : b;
    }
    if (a.equals(b)) {
      return a;
    }
    if (c instanceof Unary(UnaryOp op, Expr x) && op == UnaryOp.NOT) {
      return new Select(x, b, a);
    }
    if (a instanceof BoolConst(boolean v)) {
      return v ? Exprs.or(c, b) : Exprs.and(Exprs.not(c), b);
    }
    if (b instanceof BoolConst(boolean v)) {
      return v ? Exprs.or(Exprs.not(c), a) : Exprs.and(c, a);
    }
    return null;
  }

  private static @Nullable Expr reduce(Reduce r) {
    long trips = Math.max(0, r.to() - r.from());
    if (trips == 0) {
      return switch (r.type()) {
        case INT -> new IntConst(0);
        case FLOAT -> new FloatConst(0);
        case BOOL -> new BoolConst(false);
      };
    }
    boolean uniform = !Exprs.uses(r.body(), r.variable()::equals);
    if (r.op() == ReduceOp.ANY && uniform) {
      return r.body();
    }
    if (r.type() == ScalarType.INT && uniform) {
      return Exprs.mul(r.body(), new IntConst(trips));
    }
    // A float sum starts from +0, so one term is not the term itself where that is -0.
    return trips == 1 && r.type() != ScalarType.FLOAT
        ? Exprs.substitute(r.body(), Map.of(r.variable(), new IntConst(r.from())))
        : null;
  }

  /** Values that an int expression stays within. */
  private record Span(long low, long high) {}

  /** Whether the value of an int expression certainly has an exact binary32. */
  private static boolean exact(Expr e) {
    Span span = span(e);
    return span != null && span.low >= -EXACT && span.high <= EXACT;
  }

  private static @Nullable Span span(Expr e) {
    return switch (e) {
      case IntConst(long v) when Math.abs(v) <= EXACT -> new Span(v, v);
      case At(Position p) -> new Span(0, EXACT - 1);
      case Size(Extent x) -> new Span(0, EXACT);
      case Unary(UnaryOp op, Expr x) when op == UnaryOp.NEG -> {
        Span s = span(x);
        yield s == null ? null : new Span(-s.high, -s.low);
      }
      case Binary(BinaryOp op, Expr a, Expr b) when op == BinaryOp.ADD || op == BinaryOp.SUB -> {
        Span s = span(a);
        Span t = span(b);
        if (s == null || t == null || Math.max(s.high, t.high) > 64 * EXACT) {
          yield null;
        }
        yield op == BinaryOp.ADD
            ? new Span(s.low + t.low, s.high + t.high)
            : new Span(s.low - t.high, s.high - t.low);
      }
      default -> null;
    };
  }

  private static boolean commutes(BinaryOp op) {
    return switch (op) {
      case ADD, MUL, MIN, MAX, BIT_AND, BIT_OR, BIT_XOR -> true;
      case SUB, DIV, FLOOR_DIV, FLOOR_MOD, POW, SHL, SHR, AND, OR -> false;
    };
  }

  private static boolean literal(Expr e) {
    return e instanceof IntConst || e instanceof FloatConst || e instanceof BoolConst;
  }

  private static boolean isInt(Expr e, long value) {
    return e instanceof IntConst(long v) && v == value;
  }

  private static boolean isFloat(Expr e, double value) {
    return e instanceof FloatConst(double v)
        && Double.doubleToRawLongBits(v) == Double.doubleToRawLongBits(value);
  }

  // An infinity or NaN cannot be written in a file, and binary32 may meet it elsewhere.
  private static @Nullable Expr finite(double value) {
    return Double.isFinite(value) ? new FloatConst(value) : null;
  }
}
