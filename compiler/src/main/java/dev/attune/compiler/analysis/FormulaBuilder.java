package dev.attune.compiler.analysis;

import dev.attune.compiler.spec.BinaryOp;
import dev.attune.compiler.spec.CompareOp;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Expr.Binary;
import dev.attune.compiler.spec.Expr.BoolConst;
import dev.attune.compiler.spec.Expr.Compare;
import dev.attune.compiler.spec.Expr.IntConst;
import dev.attune.compiler.spec.Expr.Reduce;
import dev.attune.compiler.spec.Expr.Select;
import dev.attune.compiler.spec.Expr.Unary;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.ReduceOp;
import dev.attune.compiler.spec.ScalarType;
import dev.attune.compiler.spec.Simplify;
import dev.attune.compiler.spec.UnaryOp;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Takes a predicate apart. A part that stands in it more than once is taken apart as often, so
 * there is an end to it: beyond, parts are opaque, and comparisons stay as they are.
 */
final class FormulaBuilder {
  private static final int MOST_LITERALS = 512;

  /** The most terms of an {@code any} that are written out. */
  private static final int MOST_TERMS = 16;

  private int left = MOST_LITERALS;

  /** The predicate, or its negation. */
  Formula of(Expr p, boolean wanted) {
    if (left <= 0) {
      return new Formula.Opaque(wanted ? p : Exprs.not(p));
    }
    if (!Facts.varies(p)) {
      return new Formula.Uniform(Simplify.simplify(wanted ? p : Exprs.not(p)));
    }
    return switch (p) {
      case Unary(UnaryOp op, Expr x) -> of(x, !wanted);
      case Binary(BinaryOp op, Expr a, Expr b) -> {
        List<Formula> parts = List.of(of(a, wanted), of(b, wanted));
        yield (op == BinaryOp.AND) == wanted ? new Formula.All(parts) : new Formula.Any(parts);
      }
      case Select(Expr c, Expr a, Expr b) -> choice(c, of(a, wanted), of(b, wanted));
      case Reduce r when r.op() == ReduceOp.ANY && r.to() - r.from() <= MOST_TERMS -> {
        List<Formula> parts = new ArrayList<>();
        for (long i = r.from(); i < r.to(); i++) {
          parts.add(of(Simplify.simplify(Arithmetic.term(r, i)), wanted));
        }
        yield wanted ? new Formula.Any(parts) : new Formula.All(parts);
      }
      case Compare(CompareOp op, Expr a, Expr b) when a.type() == ScalarType.BOOL -> {
        boolean equal = (op == CompareOp.EQ) == wanted;
        Formula both = new Formula.All(List.of(of(a, true), of(b, equal)));
        yield new Formula.Any(List.of(both, new Formula.All(List.of(of(a, false), of(b, !equal)))));
      }
      default -> {
        Expr stated = wanted ? p : Simplify.simplify(Exprs.not(p));
        yield new Formula.Clause(stated, comparison(stated));
      }
    };
  }

  private Formula choice(Expr condition, Formula then, Formula otherwise) {
    Formula one = new Formula.All(List.of(of(condition, true), then));
    return new Formula.Any(List.of(one, new Formula.All(List.of(of(condition, false), otherwise))));
  }

  private Formula comparison(Expr p) {
    if (Simplify.simplify(Arithmetic.of(p)) instanceof Compare(CompareOp op, Expr a, Expr b)
        && a.type() == ScalarType.INT) {
      try {
        return compare(op, Affine.of(a).minus(Affine.of(b)));
      } catch (ArithmeticException tooLarge) {
        return new Formula.Opaque(p);
      }
    }
    return new Formula.Opaque(p);
  }

  private Formula compare(CompareOp op, Affine d) {
    return switch (op) {
      case LE -> atMostZero(d);
      case LT -> atMostZero(d.plus(1));
      case GE -> atMostZero(d.times(-1));
      case GT -> atMostZero(d.times(-1).plus(1));
      case EQ -> zero(d);
      case NE -> new Formula.Any(List.of(atMostZero(d.plus(1)), atMostZero(d.times(-1).plus(1))));
    };
  }

  /** {@code d <= 0}, in which abs, min, max and selects are undone. */
  private Formula atMostZero(Affine d) {
    for (Map.Entry<Expr, Long> t : d.terms().entrySet()) {
      if (left <= 0 || !Facts.varies(t.getKey())) {
        continue;
      }
      long factor = t.getValue();
      Affine rest = d.without(t.getKey());
      switch (t.getKey()) {
        case Unary(UnaryOp op, Expr x) when op == UnaryOp.ABS -> {
          Affine inner = Affine.of(x);
          return either(factor > 0, inner, inner.times(-1), factor, rest);
        }
        case Binary(BinaryOp op, Expr a, Expr b) when op == BinaryOp.MAX || op == BinaryOp.MIN -> {
          return either(
              (op == BinaryOp.MAX) == factor > 0, Affine.of(a), Affine.of(b), factor, rest);
        }
        case Select(Expr c, Expr a, Expr b) -> {
          return choice(
              c,
              atMostZero(rest.plus(Affine.of(a).times(factor))),
              atMostZero(rest.plus(Affine.of(b).times(factor))));
        }
        default -> {}
      }
    }
    return literal(new Formula.AtMostZero(d), d);
  }

  private Formula either(boolean both, Affine a, Affine b, long factor, Affine rest) {
    List<Formula> parts =
        List.of(atMostZero(rest.plus(a.times(factor))), atMostZero(rest.plus(b.times(factor))));
    return both ? new Formula.All(parts) : new Formula.Any(parts);
  }

  private Formula zero(Affine d) {
    Affine congruence = congruence(d);
    Formula less = atMostZero(congruence);
    return less instanceof Formula.AtMostZero
        ? literal(new Formula.IsZero(congruence), congruence)
        : new Formula.All(List.of(less, atMostZero(congruence.times(-1))));
  }

  /** {@code x % n - y % n} is zero where {@code (x - y) % n} is. */
  private Affine congruence(Affine d) {
    if (d.terms().size() != 2 || d.constant() != 0) {
      return d;
    }
    List<Map.Entry<Expr, Long>> terms = List.copyOf(d.terms().entrySet());
    if (terms.get(0).getValue() == -terms.get(1).getValue()
        && terms.get(0).getKey() instanceof Binary(BinaryOp op, Expr x, Expr n)
        && terms.get(1).getKey() instanceof Binary(BinaryOp other, Expr y, Expr m)
        && op == BinaryOp.FLOOR_MOD
        && other == BinaryOp.FLOOR_MOD
        && n.equals(m)) {
      Expr difference = Affine.of(x).minus(Affine.of(y)).expr();
      return Affine.of(Simplify.simplify(new Binary(op, difference, n)));
    }
    return d;
  }

  private Formula literal(Formula varying, Affine d) {
    left--;
    if (d.uses(Facts::isPosition)) {
      return varying;
    }
    return new Formula.Uniform(
        varying instanceof Formula.IsZero
            ? Simplify.simplify(new Compare(CompareOp.EQ, d.expr(), new IntConst(0)))
            : d.isConstant() ? new BoolConst(d.constant() <= 0) : d.notPositive());
  }
}
