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
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The value of an expression at one element, in binary64 and exact integers: the definition that
 * every other executor approximates.
 */
public final class Eval {
  private final Bindings bindings;
  private final Map<Integer, Long> variables = new HashMap<>();
  private int b;
  private int h;
  private int q;
  private int kv;
  private double score;
  private @Nullable SequenceLengths lengths;

  /** An evaluator under the given values of names, positioned at element (0, 0, 0, 0). */
  public Eval(Bindings bindings) {
    this.bindings = bindings;
  }

  /** Moves to an element. */
  public Eval at(int batch, int head, int query, int key) {
    b = batch;
    h = head;
    q = query;
    kv = key;
    return this;
  }

  /** Sets the raw product q·k that {@link Score} reads. */
  public Eval score(double value) {
    score = value;
    return this;
  }

  /** Gives a value to a variable that no {@link Reduce} of the expression binds. */
  public Eval bind(Var variable, long value) {
    variables.put(variable.id(), value);
    return this;
  }

  /** Makes Sq and Skv those of a part of the sequence, whatever the element. */
  public Eval within(int queries, int keys) {
    lengths = new SequenceLengths(List.of(queries), List.of(keys));
    return this;
  }

  private int extent(Extent x) {
    return lengths == null || (x != Extent.SQ && x != Extent.SKV)
        ? bindings.extent(x, b)
        : (x == Extent.SQ ? lengths.queries() : lengths.keys()).getFirst();
  }

  /** The value of an int expression. */
  public long integer(Expr e) {
    return switch (e) {
      case IntConst(long value) -> value;
      case At(Position p) ->
          switch (p) {
            case B -> b;
            case H -> h;
            case HKV -> h / bindings.shape().group();
            case Q -> q;
            case KV -> kv;
          };
      case Size(Extent x) -> extent(x);
      case Param(String name, ScalarType type) -> (long) param(name);
      case Gather g -> (long) gather(g);
      case Search s -> search(s);
      case Var(int id) -> Objects.requireNonNull(variables.get(id), "a reduction's variable");
      case Unary(UnaryOp op, Expr x) -> unaryInt(op, x);
      case Binary(BinaryOp op, Expr x, Expr y) -> binary(op, integer(x), integer(y));
      case Select(Expr c, Expr x, Expr y) -> bool(c) ? integer(x) : integer(y);
      case Reduce r -> {
        long sum = 0;
        for (long i = r.from(); i < r.to(); i++) {
          variables.put(r.variable().id(), i);
          sum += integer(r.body());
        }
        yield sum;
      }
      case FloatConst f -> throw mistyped(f);
      case BoolConst f -> throw mistyped(f);
      case Score f -> throw mistyped(f);
      case Scale f -> throw mistyped(f);
      case Compare f -> throw mistyped(f);
    };
  }

  /** The value of a float expression. */
  public double real(Expr e) {
    return switch (e) {
      case FloatConst(double value) -> value;
      case Score() -> score;
      case Scale() -> bindings.scale();
      case Param(String name, ScalarType type) -> param(name);
      case Gather g -> gather(g);
      case Unary(UnaryOp op, Expr x) ->
          op == UnaryOp.TO_FLOAT ? (double) integer(x) : unary(op, real(x));
      case Binary(BinaryOp op, Expr x, Expr y) -> binary(op, real(x), real(y));
      case Select(Expr c, Expr x, Expr y) -> bool(c) ? real(x) : real(y);
      case Reduce r -> {
        double sum = 0;
        for (long i = r.from(); i < r.to(); i++) {
          variables.put(r.variable().id(), i);
          sum += real(r.body());
        }
        yield sum;
      }
      case IntConst f -> throw mistyped(f);
      case BoolConst f -> throw mistyped(f);
      case At f -> throw mistyped(f);
      case Size f -> throw mistyped(f);
      case Var f -> throw mistyped(f);
      case Search f -> throw mistyped(f);
      case Compare f -> throw mistyped(f);
    };
  }

  /** The value of a bool expression. {@code and}, {@code or} and {@code any} stop early. */
  public boolean bool(Expr e) {
    return switch (e) {
      case BoolConst(boolean value) -> value;
      case Param(String name, ScalarType type) -> param(name) != 0;
      case Gather g -> gather(g) != 0;
      case Unary(UnaryOp op, Expr x) -> !bool(x);
      case Binary(BinaryOp op, Expr x, Expr y) ->
          op == BinaryOp.AND ? bool(x) && bool(y) : bool(x) || bool(y);
      case Compare(CompareOp op, Expr x, Expr y) ->
          switch (x.type()) {
            case INT -> compare(op, Long.compare(integer(x), integer(y)));
            case BOOL -> compare(op, Boolean.compare(bool(x), bool(y)));
            case FLOAT -> compare(op, real(x), real(y));
          };
      case Select(Expr c, Expr x, Expr y) -> bool(c) ? bool(x) : bool(y);
      case Reduce r -> {
        boolean any = false;
        for (long i = r.from(); i < r.to() && !any; i++) {
          variables.put(r.variable().id(), i);
          any = bool(r.body());
        }
        yield any;
      }
      case IntConst f -> throw mistyped(f);
      case FloatConst f -> throw mistyped(f);
      case Score f -> throw mistyped(f);
      case Scale f -> throw mistyped(f);
      case At f -> throw mistyped(f);
      case Size f -> throw mistyped(f);
      case Var f -> throw mistyped(f);
      case Search f -> throw mistyped(f);
    };
  }

  private long unaryInt(UnaryOp op, Expr x) {
    return switch (op) {
      case NEG -> Math.negateExact(integer(x));
      case ABS -> Math.absExact(integer(x));
      case BIT_NOT -> ~integer(x);
      case TO_INT -> toInt(real(x));
      default -> throw new IllegalArgumentException(op + " has no int result");
    };
  }

  /** {@code int(x)} as {@link UnaryOp#TO_INT} defines it. */
  public static long toInt(double x) {
    return (int) x; // The narrowing of the Java language: toward zero, saturating, NaN to 0.
  }

  /** A unary operation on a float. */
  public static double unary(UnaryOp op, double x) {
    return switch (op) {
      case NEG -> -x;
      case ABS -> Math.abs(x);
      case EXP -> Math.exp(x);
      case EXP2 -> Math.pow(2, x);
      case LOG -> Math.log(x);
      case LOG2 -> Math.log(x) / Math.log(2);
      case SQRT -> Math.sqrt(x);
      case RSQRT -> 1 / Math.sqrt(x);
      case TANH, FAST_TANH -> Math.tanh(x);
      case ERF -> erf(x);
      case SIN -> Math.sin(x);
      case COS -> Math.cos(x);
      case NOT, BIT_NOT, TO_FLOAT, TO_INT ->
          throw new IllegalArgumentException(op + " is not float to float");
    };
  }

  /** A binary operation on floats. MIN and MAX return the number where one operand is NaN. */
  public static double binary(BinaryOp op, double a, double b) {
    return switch (op) {
      case ADD -> a + b;
      case SUB -> a - b;
      case MUL -> a * b;
      case DIV -> a / b;
      case MIN -> Double.isNaN(a) ? b : Double.isNaN(b) ? a : Math.min(a, b);
      case MAX -> Double.isNaN(a) ? b : Double.isNaN(b) ? a : Math.max(a, b);
      case POW -> Math.pow(a, b);
      default -> throw new IllegalArgumentException(op + " of floats");
    };
  }

  /**
   * A binary operation on ints.
   *
   * @throws ArithmeticException where the result leaves 64 bits
   */
  public static long binary(BinaryOp op, long a, long b) {
    return switch (op) {
      case ADD -> Math.addExact(a, b);
      case SUB -> Math.subtractExact(a, b);
      case MUL -> Math.multiplyExact(a, b);
      case FLOOR_DIV -> b == 0 ? 0 : Math.floorDiv(a, b);
      case FLOOR_MOD -> b == 0 ? 0 : Math.floorMod(a, b);
      case MIN -> Math.min(a, b);
      case MAX -> Math.max(a, b);
      case BIT_AND -> a & b;
      case BIT_OR -> a | b;
      case BIT_XOR -> a ^ b;
      case SHL -> a << Math.clamp(b, 0, 63);
      case SHR -> a >> Math.clamp(b, 0, 63);
      default -> throw new IllegalArgumentException(op + " of ints");
    };
  }

  /** Whether a comparison holds, given the sign of {@code a} compared with {@code b}. */
  public static boolean compare(CompareOp op, int sign) {
    return switch (op) {
      case LT -> sign < 0;
      case LE -> sign <= 0;
      case GT -> sign > 0;
      case GE -> sign >= 0;
      case EQ -> sign == 0;
      case NE -> sign != 0;
    };
  }

  /** Whether a comparison of floats holds. */
  public static boolean compare(CompareOp op, double a, double b) {
    return switch (op) {
      case LT -> a < b;
      case LE -> a <= b;
      case GT -> a > b;
      case GE -> a >= b;
      case EQ -> a == b;
      case NE -> a != b;
    };
  }

  /**
   * The error function, to about 1e-15: the Taylor series near zero, the continued fraction of erfc
   * beyond (Abramowitz and Stegun 7.1.5, 7.1.14).
   */
  static double erf(double x) {
    double a = Math.abs(x);
    if (Double.isNaN(x) || a > 6) {
      return Double.isNaN(x) ? x : Math.signum(x);
    }
    if (a < 2.5) {
      double term = x;
      double sum = x;
      for (int n = 1; n < 80; n++) {
        term *= -x * x / n;
        sum += term / (2 * n + 1);
      }
      return 2 / Math.sqrt(Math.PI) * sum;
    }
    double fraction = a;
    for (int n = 120; n >= 1; n--) {
      fraction = a + n / 2.0 / fraction;
    }
    return Math.signum(x) * (1 - Math.exp(-a * a) / Math.sqrt(Math.PI) / fraction);
  }

  private double param(String name) {
    return Objects.requireNonNull(bindings.params().get(name), () -> "parameter " + name);
  }

  private double gather(Gather g) {
    NdArray tensor = tensor(g.tensor());
    boolean empty = NdArray.count(tensor.shape()) == 0;
    return empty ? 0 : tensor.number((int) linear(tensor.shape(), g.indices()));
  }

  private long search(Search s) {
    NdArray tensor = tensor(s.tensor());
    int[] shape = tensor.shape();
    long value = integer(s.value());
    if (NdArray.count(shape) == 0) {
      return Search.NOWHERE;
    }
    int extent = shape[shape.length - 1];
    long row = linear(shape, s.row()) * extent;
    int low = 0;
    int high = extent;
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (tensor.number((int) (row + middle)) < value) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low == extent ? Search.NOWHERE : low;
  }

  private NdArray tensor(String name) {
    return Objects.requireNonNull(bindings.tensors().get(name), () -> "tensor " + name);
  }

  /** The place among all of the first dimensions, indices clamped. */
  private long linear(int[] shape, List<Expr> indices) {
    long linear = 0;
    for (int d = 0; d < indices.size(); d++) {
      linear = linear * shape[d] + Math.clamp(integer(indices.get(d)), 0, shape[d] - 1);
    }
    return linear;
  }

  private static IllegalArgumentException mistyped(Expr e) {
    return new IllegalArgumentException("an expression of type " + e.type() + ": " + e);
  }
}
