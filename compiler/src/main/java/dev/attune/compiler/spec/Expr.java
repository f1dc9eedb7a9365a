package dev.attune.compiler.spec;

import java.util.List;

/**
 * A typed scalar expression over one (batch, head, query, key) element: the one language in which
 * score, mask, sink and weight are said, and on which evaluation, interval analysis and code
 * generation are functions.
 *
 * <p>Expressions are total. Ints are mathematical integers: no operation wraps; code generation
 * widens where 32 bits could overflow. {@code //} and {@code %} round toward minus infinity, and
 * yield 0 for a zero divisor; shift counts are clamped to [0, 63]. Floats follow IEEE 754. A tensor
 * index outside its extent reads the nearest element, 0 where there is none. {@code int(x)}
 * truncates toward zero, saturates at the 32-bit range and maps NaN to 0.
 *
 * <p>Names bound by {@code let}, {@code def} and {@code const} are already substituted. A node
 * checks the types of its operands: an ill-typed tree cannot be built.
 */
public sealed interface Expr {

  /** The type of this expression's value. */
  ScalarType type();

  /** An integer literal. */
  record IntConst(long value) implements Expr {
    @Override
    public ScalarType type() {
      return ScalarType.INT;
    }
  }

  /** A float literal. */
  record FloatConst(double value) implements Expr {
    @Override
    public ScalarType type() {
      return ScalarType.FLOAT;
    }
  }

  /** {@code true} or {@code false}. */
  record BoolConst(boolean value) implements Expr {
    @Override
    public ScalarType type() {
      return ScalarType.BOOL;
    }
  }

  /** The raw product q·k of the element. Only in score and weight. */
  record Score() implements Expr {
    @Override
    public ScalarType type() {
      return ScalarType.FLOAT;
    }
  }

  /** The softmax scale of the launch, finite and positive: 1/√Dqk unless given. */
  record Scale() implements Expr {
    @Override
    public ScalarType type() {
      return ScalarType.FLOAT;
    }
  }

  /** A coordinate of the element. */
  record At(Position position) implements Expr {
    @Override
    public ScalarType type() {
      return ScalarType.INT;
    }
  }

  /** A size of the problem. */
  record Size(Extent extent) implements Expr {
    @Override
    public ScalarType type() {
      return ScalarType.INT;
    }
  }

  /** A run-time scalar declared by {@code param}. */
  record Param(String name, ScalarType type) implements Expr {}

  /** An element of a captured tensor. */
  record Gather(String tensor, ScalarType type, List<Expr> indices) implements Expr {
    public Gather {
      indices = List.copyOf(indices);
      indices.forEach(i -> require(i, ScalarType.INT));
    }
  }

  /**
   * The first index from 0 on at which a row of an int tensor that is declared nondecreasing reads
   * at least {@code value}, {@link #NOWHERE} if none does: for {@code 0 <= x < NOWHERE}, {@code
   * tensor[row, x] < value} exactly where {@code x} is less. A row that does decrease has some
   * index of its own or {@code NOWHERE}, a tensor without entries {@code NOWHERE}. Files cannot say
   * it: the analysis solves comparisons by it.
   *
   * @param row the indices before the last
   */
  record Search(String tensor, List<Expr> row, Expr value) implements Expr {
    /** Past every index. */
    public static final int NOWHERE = Integer.MAX_VALUE;

    public Search {
      row = List.copyOf(row);
      row.forEach(i -> require(i, ScalarType.INT));
      require(value, ScalarType.INT);
    }

    @Override
    public ScalarType type() {
      return ScalarType.INT;
    }
  }

  /** The variable of an enclosing {@link Reduce}, an int. Ids are unique within one spec. */
  record Var(int id) implements Expr {
    @Override
    public ScalarType type() {
      return ScalarType.INT;
    }
  }

  /** An operation on one operand. */
  record Unary(UnaryOp op, Expr x) implements Expr {
    public Unary {
      if (op.operand() != null) {
        require(x, op.operand());
      } else if (x.type() == ScalarType.BOOL) {
        throw new IllegalArgumentException(op + " of a bool");
      }
    }

    @Override
    public ScalarType type() {
      return op.result() != null ? op.result() : x.type();
    }
  }

  /** An operation on two operands of one type, with a result of that type. */
  record Binary(BinaryOp op, Expr a, Expr b) implements Expr {
    public Binary {
      require(b, a.type());
      if (!op.accepts(a.type())) {
        throw new IllegalArgumentException(op + " of " + a.type());
      }
    }

    @Override
    public ScalarType type() {
      return a.type();
    }
  }

  /** A comparison of two operands of one type. Bools compare for equality only. */
  record Compare(CompareOp op, Expr a, Expr b) implements Expr {
    public Compare {
      require(b, a.type());
      if (a.type() == ScalarType.BOOL && op != CompareOp.EQ && op != CompareOp.NE) {
        throw new IllegalArgumentException(op + " of bool");
      }
    }

    @Override
    public ScalarType type() {
      return ScalarType.BOOL;
    }
  }

  /** {@code if condition then a else b}; both branches have one type. */
  record Select(Expr condition, Expr then, Expr otherwise) implements Expr {
    public Select {
      require(condition, ScalarType.BOOL);
      require(otherwise, then.type());
    }

    @Override
    public ScalarType type() {
      return then.type();
    }
  }

  /**
   * {@code sum} or {@code any} of {@code body} for the variable in [from, to). The bounds are
   * compile-time constants, at most {@value #MAX_TRIPS} apart.
   */
  record Reduce(ReduceOp op, Var variable, long from, long to, Expr body) implements Expr {
    /** The most iterations a reduction may have: bodies are unrolled in kernels. */
    public static final int MAX_TRIPS = 64;

    public Reduce {
      if (op == ReduceOp.ANY) {
        require(body, ScalarType.BOOL);
      } else if (body.type() == ScalarType.BOOL) {
        throw new IllegalArgumentException("sum of a bool");
      }
      if (to - from > MAX_TRIPS) {
        throw new IllegalArgumentException("a reduction of " + (to - from) + " terms");
      }
    }

    @Override
    public ScalarType type() {
      return body.type();
    }
  }

  private static void require(Expr e, ScalarType type) {
    if (e.type() != type) {
      throw new IllegalArgumentException("expected " + type + ", found " + e.type() + ": " + e);
    }
  }
}
