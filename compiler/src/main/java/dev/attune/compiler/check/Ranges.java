package dev.attune.compiler.check;

import dev.attune.compiler.spec.BinaryOp;
import dev.attune.compiler.spec.CompareOp;
import dev.attune.compiler.spec.Expr;
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
import dev.attune.compiler.spec.Extent;
import dev.attune.compiler.spec.ParamDecl;
import dev.attune.compiler.spec.Position;
import dev.attune.compiler.spec.ReduceOp;
import dev.attune.compiler.spec.ScalarType;
import dev.attune.compiler.spec.Shape;
import dev.attune.compiler.spec.UnaryOp;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The values that expressions can have over all elements, launches and admitted parameters. */
final class Ranges {
  private static final double INT32 = 0x1p31;

  private final Map<String, ParamDecl.Range> params = new HashMap<>();
  private final Map<String, ParamDecl.Range> tensors = new HashMap<>();
  private final Map<Integer, Interval> variables = new HashMap<>();
  private final IdentityHashMap<Expr, Interval> known = new IdentityHashMap<>();

  void param(String name, ParamDecl.Range range) {
    params.put(name, range);
  }

  void tensor(String name, ParamDecl.Range range) {
    tensors.put(name, range);
  }

  void variable(int id, long from, long to) {
    variables.put(id, Interval.of((double) from, (double) Math.max(from, to - 1)));
  }

  /** Every value that an int or float expression can have. */
  Interval of(Expr e) {
    Interval before = known.get(e);
    if (before != null) {
      return before;
    }
    Interval found = compute(e);
    known.put(e, found);
    return found;
  }

  private Interval compute(Expr e) {
    return switch (e) {
      case IntConst(long value) -> Interval.point((double) value);
      case FloatConst(double value) -> Interval.point(value);
      case BoolConst(boolean value) -> Interval.point(value ? 1 : 0);
      case Score() -> Interval.ANY;
      case Scale() -> Interval.of(Double.MIN_VALUE, Float.MAX_VALUE);
      case At(Position p) -> Interval.of(0, maximum(Affine.size(p)) - 1);
      case Size(Extent x) -> Interval.of(1, maximum(x));
      case Param(String name, ScalarType type) -> declared(params.get(name), type);
      case Gather g -> declared(tensors.get(g.tensor()), g.type());
      case Search s -> Interval.of(0, Search.NOWHERE);
      case Var(int id) -> variables.getOrDefault(id, Interval.of(-INT32, INT32));
      case Unary(UnaryOp op, Expr x) -> unary(op, x);
      case Binary b when b.type() == ScalarType.INT -> integer(b);
      case Binary b when b.type() == ScalarType.FLOAT -> real(b);
      case Binary b -> Interval.of(0, 1);
      case Compare c -> Interval.of(0, 1);
      case Select(Expr c, Expr x, Expr y) -> of(x).hull(of(y));
      case Reduce r ->
          r.op() == ReduceOp.ANY
              ? Interval.of(0, 1)
              : of(r.body()).times((double) Math.max(0, r.to() - r.from()));
    };
  }

  private static double maximum(Extent x) {
    return switch (x) {
      case SQ, SKV -> Shape.MAX_SEQ;
      case B, HQ, HKV, GROUP -> INT32;
      case DQK, DV -> 256;
    };
  }

  private static Interval declared(ParamDecl.@Nullable Range range, ScalarType type) {
    if (range != null) {
      return Interval.of(range.low(), range.high());
    }
    return switch (type) {
      case INT -> Interval.of(-INT32, INT32 - 1);
      case FLOAT -> Interval.ANY;
      case BOOL -> Interval.of(0, 1);
    };
  }

  private Interval unary(UnaryOp op, Expr x) {
    return switch (op) {
      case NEG -> of(x).negated();
      case ABS -> of(x).absolute();
      case NOT -> Interval.of(0, 1);
      case BIT_NOT -> of(x).negated().minus(Interval.point(1));
      case TO_FLOAT -> of(x);
      case TO_INT -> {
        Interval in = of(x);
        yield in.exact()
            ? Interval.of(
                Math.clamp((double) (long) in.low(), -INT32, INT32 - 1),
                Math.clamp((double) (long) in.high(), -INT32, INT32 - 1))
            : Interval.of(-INT32, INT32 - 1);
      }
      case EXP, EXP2, SQRT, RSQRT, LOG, LOG2, TANH, FAST_TANH, ERF, SIN, COS -> Interval.ANY;
    };
  }

  private Interval real(Binary b) {
    return switch (b.op()) {
      case MIN -> of(b.a()).min(of(b.b()));
      case MAX -> of(b.a()).max(of(b.b()));
      default -> Interval.ANY;
    };
  }

  private Interval integer(Binary e) {
    Interval a = of(e.a());
    Interval b = of(e.b());
    return switch (e.op()) {
      case ADD, SUB -> {
        Interval plain = e.op() == BinaryOp.ADD ? a.plus(b) : a.minus(b);
        Interval affine = Affine.of(e).range(this);
        yield Interval.of(
            Math.max(plain.low(), affine.low()), Math.min(plain.high(), affine.high()));
      }
      case MUL -> a.times(b);
      case MIN -> a.min(b);
      case MAX -> a.max(b);
      case FLOOR_DIV -> floorDiv(a, b);
      case FLOOR_MOD -> floorMod(a, b);
      case BIT_AND -> {
        if (a.low() >= 0 && b.low() >= 0) {
          yield Interval.of(0, Math.min(a.high(), b.high()));
        }
        if (a.low() >= 0) {
          yield Interval.of(0, a.high());
        }
        yield b.low() >= 0 ? Interval.of(0, b.high()) : power(a, b);
      }
      case BIT_OR, BIT_XOR -> power(a, b);
      case SHL -> {
        double most = Math.pow(2, Math.clamp(b.high(), 0, 63));
        double least = Math.pow(2, Math.clamp(b.low(), 0, 63));
        yield a.times(Interval.of(least, most));
      }
      case SHR ->
          a.low() >= 0
              ? Interval.of(0, Math.floor(a.high() / Math.pow(2, Math.clamp(b.low(), 0, 63))))
              : Interval.of(a.low(), Math.max(0, a.high()));
      case DIV, POW, AND, OR -> Interval.ANY;
    };
  }

  private static Interval floorDiv(Interval a, Interval b) {
    if (b.low() >= 1) {
      double low = Math.floor(a.low() / (a.low() >= 0 ? b.high() : b.low()));
      double high = Math.floor(a.high() / (a.high() >= 0 ? b.low() : b.high()));
      return Interval.of(low, high);
    }
    double far = a.magnitude();
    return Interval.of(-far, far);
  }

  private static Interval floorMod(Interval a, Interval b) {
    if (b.low() >= 1) {
      double high = a.low() >= 0 ? Math.min(a.high(), b.high() - 1) : b.high() - 1;
      return Interval.of(0, high);
    }
    return Interval.of(Math.min(0, b.low() + 1), Math.max(0, b.high() - 1));
  }

  /** The least power of two on both sides of zero that holds both ranges' bit patterns. */
  private static Interval power(Interval a, Interval b) {
    double far = Math.max(1, Math.max(a.magnitude(), b.magnitude()));
    double bound = Math.scalb(1.0, Math.getExponent(far) + 1);
    return a.low() >= 0 && b.low() >= 0
        ? Interval.of(0, bound - 1)
        : Interval.of(-bound, bound - 1);
  }

  /** What is known of a bool expression. */
  Truth truth(Expr e) {
    return switch (e) {
      case BoolConst(boolean value) -> Truth.of(value);
      case Unary(UnaryOp op, Expr x) when op == UnaryOp.NOT -> truth(x).not();
      case Binary(BinaryOp op, Expr a, Expr b) when op == BinaryOp.AND -> truth(a).and(truth(b));
      case Binary(BinaryOp op, Expr a, Expr b) when op == BinaryOp.OR -> truth(a).or(truth(b));
      case Compare(CompareOp op, Expr a, Expr b) -> compare(op, a, b);
      case Select(Expr c, Expr x, Expr y) -> {
        Truth then = truth(x);
        yield switch (truth(c)) {
          case ALWAYS -> then;
          case NEVER -> truth(y);
          case MAYBE -> then == truth(y) ? then : Truth.MAYBE;
        };
      }
      case Reduce r -> r.from() >= r.to() ? Truth.NEVER : truth(r.body());
      default -> Truth.MAYBE;
    };
  }

  /** What is known of a comparison. */
  Truth compare(CompareOp op, Expr a, Expr b) {
    if (a.type() == ScalarType.BOOL) {
      return Truth.MAYBE;
    }
    boolean integers = a.type() == ScalarType.INT;
    if (!integers && !(of(a).exact() && of(b).exact())) {
      return Truth.MAYBE;
    }
    Interval difference =
        integers ? Affine.of(a).plus(Affine.of(b), -1).range(this) : of(a).minus(of(b));
    if (!difference.exact()) {
      return Truth.MAYBE;
    }
    double low = difference.low();
    double high = difference.high();
    return switch (op) {
      case LT -> high < 0 ? Truth.ALWAYS : low >= 0 ? Truth.NEVER : Truth.MAYBE;
      case LE -> high <= 0 ? Truth.ALWAYS : low > 0 ? Truth.NEVER : Truth.MAYBE;
      case GT -> compare(CompareOp.LE, a, b).not();
      case GE -> compare(CompareOp.LT, a, b).not();
      case EQ ->
          low == 0 && high == 0 ? Truth.ALWAYS : low > 0 || high < 0 ? Truth.NEVER : Truth.MAYBE;
      case NE -> compare(CompareOp.EQ, a, b).not();
    };
  }
}
