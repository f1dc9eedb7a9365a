package dev.attune.compiler.analysis;

import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.BinaryOp;
import dev.attune.compiler.spec.Clause;
import dev.attune.compiler.spec.CompareOp;
import dev.attune.compiler.spec.Eval;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Expr.At;
import dev.attune.compiler.spec.Expr.Binary;
import dev.attune.compiler.spec.Expr.Compare;
import dev.attune.compiler.spec.Expr.IntConst;
import dev.attune.compiler.spec.Expr.Param;
import dev.attune.compiler.spec.Expr.Size;
import dev.attune.compiler.spec.Expr.Unary;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.Extent;
import dev.attune.compiler.spec.Normalization;
import dev.attune.compiler.spec.Position;
import dev.attune.compiler.spec.ScalarType;
import dev.attune.compiler.spec.Shape;
import dev.attune.compiler.spec.Simplify;
import dev.attune.compiler.spec.UnaryOp;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Masks that fall apart: where a live pair has {@code q ≡ kv} modulo some n, queries and keys of
 * one residue class meet those of no other. Each class is then a problem of its own, in which
 * position i stands for position n·i + r, and of the mask remains what it says of the i.
 *
 * <p>With {@code q = n·q' + r} and {@code kv = n·kv' + r} every int is written {@code n·x + y}.
 * That is kept through sums, {@code abs}, {@code min} and {@code max} as far as they allow; a
 * quotient by n is then {@code x + y // n}, a remainder {@code y % n}, and {@code n·x <= s} is
 * {@code x <= s // n}.
 */
public final class Residues {
  /** The class of an item, from 0, below the step and Sq of the sequence. */
  public static final Expr.Var RESIDUE = new Expr.Var(-9);

  /** Sq of the sequence that a class is of. */
  public static final Expr.Var QUERIES = new Expr.Var(-10);

  /** Skv of the sequence that a class is of. */
  public static final Expr.Var KEYS = new Expr.Var(-11);

  private static final Expr ZERO = new IntConst(0);
  private static final Expr ONE = new IntConst(1);

  private final Expr n;

  private Residues(Expr n) {
    this.n = n;
  }

  /** The spec of one residue class, where the mask of a spec of whole sequences falls apart. */
  public static Optional<AttentionSpec> split(AttentionSpec spec) {
    if (spec.step().isPresent()) {
      return Optional.empty();
    }
    return modulus(spec).map(n -> new Residues(n).inside(spec));
  }

  /** How many residue classes have a query. */
  public static int classes(long step, int queries) {
    return (int) Math.min(step, queries);
  }

  /** How many of the first {@code length} positions are of a class. */
  public static int length(long step, int length, int residue) {
    return (int) Math.max(0, Math.ceilDiv(length - (long) residue, step));
  }

  /**
   * What a launch's items of a class look like: a batch element for each class, of the length of
   * the longest.
   */
  public static Shape items(long step, Shape s) {
    return new Shape(
        Math.multiplyExact(s.batch(), classes(step, s.seq())),
        s.heads(),
        s.kvHeads(),
        length(step, s.seq(), 0),
        length(step, s.kvSeq(), 0),
        s.headDim());
  }

  /** Moves an evaluator to a class: its variables, and Sq and Skv, are those of the class. */
  public static Eval enter(Eval eval, Shape s, long step, int residue) {
    return eval.bind(RESIDUE, residue)
        .bind(QUERIES, s.seq())
        .bind(KEYS, s.kvSeq())
        .within(length(step, s.seq(), residue), length(step, s.kvSeq(), residue));
  }

  /** {@code x % n == other}. */
  private record Remainder(Expr x, Expr n, Expr other) {}

  private static Optional<Expr> modulus(AttentionSpec spec) {
    Facts facts = new Facts(spec);
    List<Remainder> remainders = new ArrayList<>();
    for (Expr c : conjuncts(Arithmetic.of(Simplify.simplify(spec.mask().expr())))) {
      if (c instanceof Compare(CompareOp op, Expr a, Expr b) && op == CompareOp.EQ) {
        remainder(a, b, facts).ifPresent(remainders::add);
        remainder(b, a, facts).ifPresent(remainders::add);
      }
    }
    for (Remainder a : remainders) {
      if (a.other.equals(ZERO) && isDistance(Affine.of(inside(a.x)))) {
        return Optional.of(a.n);
      }
      for (Remainder b : remainders) {
        boolean chained = a.n.equals(b.n) && a.other.equals(b.other);
        boolean paired = a.other.equals(new Binary(BinaryOp.FLOOR_MOD, b.x, a.n));
        if ((chained || paired) && isDistance(Affine.of(a.x).minus(Affine.of(b.x)))) {
          return Optional.of(a.n);
        }
      }
    }
    return Optional.empty();
  }

  private static List<Expr> conjuncts(Expr e) {
    if (e instanceof Binary(BinaryOp op, Expr a, Expr b) && op == BinaryOp.AND) {
      List<Expr> all = new ArrayList<>(conjuncts(a));
      all.addAll(conjuncts(b));
      return all;
    }
    return List.of(e);
  }

  /** A remainder by what every launch has and a host can read off its arguments. */
  private static Optional<Remainder> remainder(Expr e, Expr other, Facts facts) {
    return e instanceof Binary(BinaryOp op, Expr x, Expr n)
            && op == BinaryOp.FLOOR_MOD
            && (n instanceof Param || (n instanceof IntConst(long c) && c > 1))
            && facts.isDivisor(n)
        ? Optional.of(new Remainder(x, n, other))
        : Optional.empty();
  }

  /** What a multiple of n is multiple of as well: the sign says nothing. */
  private static Expr inside(Expr e) {
    return e instanceof Unary(UnaryOp op, Expr x) && (op == UnaryOp.ABS || op == UnaryOp.NEG)
        ? inside(x)
        : e;
  }

  private static boolean isDistance(Affine sum) {
    Affine distance = Affine.atom(Extremes.Q).minus(Affine.atom(Extremes.KV));
    return sum.equals(distance) || sum.equals(distance.times(-1));
  }

  private AttentionSpec inside(AttentionSpec spec) {
    return new AttentionSpec(
        spec.name(),
        spec.origin(),
        spec.params(),
        spec.tensors(),
        inside(spec.score()),
        inside(new Clause(congruences(spec.mask().expr()), spec.mask().origin())),
        switch (spec.normalization()) {
          case Normalization.Softmax(Optional<Clause> sink) ->
              new Normalization.Softmax(sink.map(this::inside));
          case Normalization.Weight(Clause weight) -> new Normalization.Weight(inside(weight));
        },
        spec.outputs(),
        spec.dtype(),
        spec.headDim(),
        spec.instances(),
        Optional.of(n));
  }

  /** A mask with its bit operations as remainders where they are remainders by n. */
  private Expr congruences(Expr mask) {
    Expr simple = Simplify.simplify(mask);
    return conjuncts(simple).stream()
        .map(
            c -> {
              Expr other = Arithmetic.of(c);
              boolean remainder =
                  other instanceof Compare(CompareOp op, Expr a, Expr b)
                      && (isRemainder(a) || isRemainder(b));
              return remainder ? other : c;
            })
        .reduce(Exprs::and)
        .orElse(simple);
  }

  private boolean isRemainder(Expr e) {
    return e instanceof Binary(BinaryOp op, Expr x, Expr m)
        && op == BinaryOp.FLOOR_MOD
        && m.equals(n);
  }

  private Clause inside(Clause c) {
    return new Clause(Simplify.simplify(of(Simplify.simplify(c.expr()))), c.origin());
  }

  /** An expression of q and kv as one of q' and kv'. */
  private Expr of(Expr e) {
    return switch (e.type()) {
      case INT -> split(e).whole(n);
      case FLOAT -> Exprs.mapChildren(e, this::of);
      case BOOL ->
          e instanceof Compare(CompareOp op, Expr a, Expr b) && a.type() == ScalarType.INT
              ? compare(op, a, b)
              : Exprs.mapChildren(e, this::of);
    };
  }

  /** The int {@code n·x + y}. */
  private record Sum(Expr x, Expr y) {
    Sum {
      x = plain(x);
      y = plain(y);
    }

    static Sum of(Expr y) {
      return new Sum(ZERO, y);
    }

    private static Expr plain(Expr e) {
      return Simplify.simplify(Affine.of(Simplify.simplify(e)).expr());
    }

    Expr whole(Expr n) {
      return Simplify.simplify(Exprs.add(Exprs.mul(x, n), y));
    }

    Sum minus(Sum o) {
      return new Sum(Exprs.sub(x, o.x), Exprs.sub(y, o.y));
    }
  }

  private Sum split(Expr e) {
    if (e.equals(n)) {
      return new Sum(ONE, ZERO);
    }
    return switch (e) {
      case At(Position p) when p == Position.Q || p == Position.KV -> new Sum(e, RESIDUE);
      case Size(Extent x) when x == Extent.SQ -> Sum.of(QUERIES);
      case Size(Extent x) when x == Extent.SKV -> Sum.of(KEYS);
      case Unary(UnaryOp op, Expr a) when op == UnaryOp.NEG -> Sum.of(ZERO).minus(split(a));
      case Unary(UnaryOp op, Expr a) when op == UnaryOp.ABS && split(a).y.equals(ZERO) ->
          new Sum(new Unary(op, split(a).x), ZERO);
      case Binary(BinaryOp op, Expr a, Expr b) -> binary(op, a, b);
      default -> Sum.of(Exprs.mapChildren(e, this::of));
    };
  }

  private Sum binary(BinaryOp op, Expr a, Expr b) {
    Sum s = split(a);
    Sum t = split(b);
    return switch (op) {
      case ADD -> new Sum(Exprs.add(s.x, t.x), Exprs.add(s.y, t.y));
      case SUB -> s.minus(t);
      case MUL -> Facts.varies(a) ? times(op, s, t, b) : times(op, t, s, a);
      case FLOOR_DIV ->
          b.equals(n) ? Sum.of(Exprs.add(s.x, quotient(s.y))) : Sum.of(whole(op, s, t));
      case FLOOR_MOD -> b.equals(n) ? Sum.of(remainder(s.y)) : Sum.of(whole(op, s, t));
      case MIN, MAX ->
          s.y.equals(t.y) ? new Sum(new Binary(op, s.x, t.x), s.y) : Sum.of(whole(op, s, t));
      default -> Sum.of(whole(op, s, t));
    };
  }

  private Sum times(BinaryOp op, Sum s, Sum t, Expr factor) {
    return Facts.varies(factor)
        ? Sum.of(whole(op, s, t))
        : new Sum(Exprs.mul(s.x, t.whole(n)), Exprs.mul(s.y, t.whole(n)));
  }

  private Expr whole(BinaryOp op, Sum s, Sum t) {
    return new Binary(op, s.whole(n), t.whole(n));
  }

  /** {@code y // n}, where 0 <= residue < n. */
  private Expr quotient(Expr y) {
    return y.equals(RESIDUE)
        ? ZERO
        : y.equals(new IntConst(-1)) ? y : new Binary(BinaryOp.FLOOR_DIV, y, n);
  }

  private Expr remainder(Expr y) {
    return y.equals(RESIDUE) ? y : new Binary(BinaryOp.FLOOR_MOD, y, n);
  }

  private Expr compare(CompareOp op, Expr a, Expr b) {
    Sum s = split(a);
    Sum t = split(b);
    Sum d = s.minus(t);
    if (!Facts.varies(d.x) || Facts.varies(d.y)) {
      return d.x.equals(ZERO)
          ? new Compare(op, Simplify.simplify(s.y), Simplify.simplify(t.y))
          : new Compare(op, s.whole(n), t.whole(n));
    }
    Expr less = Sum.of(Exprs.sub(d.y, ONE)).y;
    return switch (op) {
      case LE -> atMost(d.x, negated(d.y));
      case LT -> atMost(d.x, negated(Exprs.add(d.y, ONE)));
      case GE -> atMost(negated(d.x), d.y);
      case GT -> atMost(negated(d.x), less);
      case EQ -> equal(d);
      case NE -> Exprs.not(equal(d));
    };
  }

  private static Expr negated(Expr e) {
    return Sum.of(new Unary(UnaryOp.NEG, e)).y;
  }

  /** {@code n·x <= s}. */
  private Expr atMost(Expr x, Expr s) {
    Expr bound = Simplify.simplify(quotient(s));
    return Affine.of(x).minus(Affine.of(bound)).notPositive();
  }

  private Expr equal(Sum d) {
    Expr multiple = new Compare(CompareOp.EQ, remainder(d.y), ZERO);
    Expr at = new Compare(CompareOp.EQ, d.x, quotient(negated(d.y)));
    return Simplify.simplify(Exprs.and(multiple, at));
  }
}
