package dev.attune.compiler.analysis;

import dev.attune.compiler.spec.BinaryOp;
import dev.attune.compiler.spec.CompareOp;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Expr.Binary;
import dev.attune.compiler.spec.Expr.Compare;
import dev.attune.compiler.spec.Expr.IntConst;
import dev.attune.compiler.spec.Expr.Unary;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.UnaryOp;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * An int expression as a sum of integer multiples of atoms and a constant. Atoms are what is not a
 * sum: positions, sizes, params, gathers, quotients, products of two unknowns. Equal atoms meet in
 * one term, so {@code q - (q - kv)} is {@code kv}.
 *
 * @param terms coefficient of each atom, none 0, in the order of first appearance
 */
record Affine(Map<Expr, Long> terms, long constant) {
  static final Affine ZERO = new Affine(Map.of(), 0);

  Affine {
    terms = Collections.unmodifiableMap(new LinkedHashMap<>(terms));
  }

  /** The sum that the expression is; the expression as one atom where a coefficient overflows. */
  static Affine of(Expr e) {
    try {
      return sum(e);
    } catch (ArithmeticException tooLarge) {
      return atom(e);
    }
  }

  static Affine atom(Expr e) {
    return new Affine(Map.of(e, 1L), 0);
  }

  static Affine constant(long value) {
    return new Affine(Map.of(), value);
  }

  private static Affine sum(Expr e) {
    return switch (e) {
      case IntConst(long value) -> constant(value);
      case Unary(UnaryOp op, Expr x) when op == UnaryOp.NEG -> sum(x).times(-1);
      case Binary(BinaryOp op, Expr a, Expr b) when op == BinaryOp.ADD -> sum(a).plus(sum(b));
      case Binary(BinaryOp op, Expr a, Expr b) when op == BinaryOp.SUB ->
          sum(a).plus(sum(b).times(-1));
      case Binary(BinaryOp op, Expr a, Expr b) when op == BinaryOp.MUL -> {
        Affine x = sum(a);
        Affine y = sum(b);
        yield x.isConstant() ? y.times(x.constant) : y.isConstant() ? x.times(y.constant) : atom(e);
      }
      case Binary(BinaryOp op, Expr a, IntConst(long n))
          when op == BinaryOp.SHL && n >= 0 && n < 62 ->
          sum(a).times(1L << n);
      default -> atom(e);
    };
  }

  boolean isConstant() {
    return terms.isEmpty();
  }

  long coefficient(Expr atom) {
    return terms.getOrDefault(atom, 0L);
  }

  Affine plus(Affine other) {
    Map<Expr, Long> sum = new LinkedHashMap<>(terms);
    other.terms.forEach((atom, c) -> sum.merge(atom, c, Math::addExact));
    sum.values().removeIf(c -> c == 0);
    return new Affine(sum, Math.addExact(constant, other.constant));
  }

  Affine plus(long value) {
    return new Affine(terms, Math.addExact(constant, value));
  }

  Affine minus(Affine other) {
    return plus(other.times(-1));
  }

  Affine times(long factor) {
    if (factor == 0) {
      return ZERO;
    }
    Map<Expr, Long> scaled = new LinkedHashMap<>();
    terms.forEach((atom, c) -> scaled.put(atom, Math.multiplyExact(c, factor)));
    return new Affine(scaled, Math.multiplyExact(constant, factor));
  }

  /** Without the term of one atom. */
  Affine without(Expr atom) {
    Map<Expr, Long> rest = new LinkedHashMap<>(terms);
    rest.remove(atom);
    return new Affine(rest, constant);
  }

  /** Whether an atom is, or contains, what is wanted. */
  boolean uses(Predicate<Expr> wanted) {
    return terms.keySet().stream().anyMatch(atom -> Exprs.uses(atom, wanted));
  }

  /**
   * The sum written out: terms that are added, then those that are subtracted, the constant last.
   */
  Expr expr() {
    Expr sum = null;
    for (Map.Entry<Expr, Long> t : terms.entrySet()) {
      if (t.getValue() > 0) {
        Expr term = term(t.getKey(), t.getValue());
        sum = sum == null ? term : Exprs.add(sum, term);
      }
    }
    if (sum == null && constant > 0) {
      sum = new IntConst(constant);
      return subtracted(sum);
    }
    if (sum == null) {
      Expr rest = null;
      for (Map.Entry<Expr, Long> t : terms.entrySet()) {
        Expr term = term(t.getKey(), -t.getValue());
        rest = rest == null ? new Unary(UnaryOp.NEG, term) : Exprs.sub(rest, term);
      }
      return rest == null ? new IntConst(constant) : withConstant(rest);
    }
    return withConstant(subtracted(sum));
  }

  private Expr subtracted(Expr from) {
    Expr sum = from;
    for (Map.Entry<Expr, Long> t : terms.entrySet()) {
      if (t.getValue() < 0) {
        sum = Exprs.sub(sum, term(t.getKey(), -t.getValue()));
      }
    }
    return sum;
  }

  private Expr withConstant(Expr sum) {
    return constant == 0
        ? sum
        : constant > 0
            ? Exprs.add(sum, new IntConst(constant))
            : Exprs.sub(sum, new IntConst(-constant));
  }

  private static Expr term(Expr atom, long coefficient) {
    return coefficient == 1 ? atom : Exprs.mul(atom, new IntConst(coefficient));
  }

  /** {@code this <= 0} as a comparison whose sides subtract nothing. */
  Expr notPositive() {
    Map<Expr, Long> left = new LinkedHashMap<>();
    Map<Expr, Long> right = new LinkedHashMap<>();
    terms.forEach(
        (atom, c) -> {
          if (c > 0) {
            left.put(atom, c);
          } else {
            right.put(atom, -c);
          }
        });
    boolean strict = constant == 1;
    long rest = strict ? 0 : constant;
    boolean toLeft = (rest > 0 && !right.isEmpty()) || left.isEmpty();
    Expr a = new Affine(left, toLeft ? rest : 0).expr();
    Expr b = new Affine(right, toLeft ? 0 : -rest).expr();
    return new Compare(strict ? CompareOp.LT : CompareOp.LE, a, b);
  }

  /** The one atom that satisfies the predicate, or null where none or several do. */
  @Nullable Expr only(Predicate<Expr> wanted) {
    Expr found = null;
    for (Expr atom : terms.keySet()) {
      if (Exprs.uses(atom, wanted)) {
        if (found != null) {
          return null;
        }
        found = atom;
      }
    }
    return found;
  }
}
