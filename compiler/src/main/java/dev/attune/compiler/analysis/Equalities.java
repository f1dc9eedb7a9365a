package dev.attune.compiler.analysis;

import dev.attune.compiler.spec.BinaryOp;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Expr.Binary;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.Simplify;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/** What two equal values say of the other comparisons of a conjunction. */
final class Equalities {
  /** The most comparisons to say again with another value. */
  private static final int MOST = 12;

  private Equalities() {}

  /** Two values that are equal, neither a quotient by what may be 0. */
  record Pair(Expr a, Expr b) {

    /** Of a difference that is 0. */
    static Optional<Pair> of(Affine difference, Facts facts) {
      if (difference.terms().size() != 2 || difference.constant() != 0) {
        return Optional.empty();
      }
      List<Expr> atoms = List.copyOf(difference.terms().keySet());
      Expr a = atoms.get(0);
      Expr b = atoms.get(1);
      boolean equal = difference.coefficient(a) == -difference.coefficient(b);
      return equal && useful(a, facts) && useful(b, facts)
          ? Optional.of(new Pair(a, b))
          : Optional.empty();
    }

    private static boolean useful(Expr e, Facts facts) {
      boolean quotient =
          e instanceof Binary(BinaryOp op, Expr x, Expr n) && op == BinaryOp.FLOOR_DIV;
      return !Facts.isPosition(e) && (!quotient || facts.isDivisor(((Binary) e).b()));
    }

    /** The sum said with only one of them, if that is shorter. */
    Affine in(Affine sum) {
      List<Affine> said = said(sum, a, b);
      return said.size() == 1 ? said.getFirst() : sum;
    }
  }

  /**
   * Comparisons that hold together where the given ones do: where {@code a == b} is among them,
   * others are also said with b in place of a, and only so where that is shorter. So documents'
   * offsets cancel, and positions within equal blocks are compared as positions.
   */
  static List<Formula> applied(List<Formula> literals, Facts facts) {
    List<Formula> result = literals;
    for (Formula f : literals) {
      Optional<Pair> pair =
          f instanceof Formula.IsZero(Affine d) ? Pair.of(d, facts) : Optional.empty();
      if (pair.isPresent() && result.size() <= MOST) {
        Pair equal = pair.get();
        result =
            result.stream()
                .flatMap(g -> g.equals(f) ? Stream.of(g) : said(g, equal.a(), equal.b()).stream())
                .distinct()
                .toList();
      }
    }
    return result;
  }

  private static List<Formula> said(Formula f, Expr a, Expr b) {
    return switch (f) {
      case Formula.AtMostZero(Affine d) ->
          said(d, a, b).stream().<Formula>map(Formula.AtMostZero::new).toList();
      case Formula.IsZero(Affine d) ->
          said(d, a, b).stream().<Formula>map(Formula.IsZero::new).toList();
      default -> List.of(f);
    };
  }

  private static List<Affine> said(Affine d, Expr a, Expr b) {
    if (!d.uses(a::equals) && !d.uses(b::equals) && inQuotients(d.expr(), a, b).equals(d.expr())) {
      return List.of(d);
    }
    try {
      Expr quotients = inQuotients(d.expr(), a, b);
      Affine x = Affine.of(Simplify.simplify(Exprs.substitute(quotients, Map.of(a, b))));
      if (Exprs.nodes(x.expr()) < Exprs.nodes(d.expr())) {
        return List.of(x);
      }
      Affine y = Affine.of(Simplify.simplify(Exprs.substitute(quotients, Map.of(b, a))));
      return List.of(d, x, y);
    } catch (ArithmeticException tooLarge) {
      return List.of(d);
    }
  }

  private static Expr inQuotients(Expr e, Expr a, Expr b) {
    return inQuotients(inQuotients(e, a), b);
  }

  /** With {@code x - n · (x // n)} for {@code x % n}, if x // n is the quotient given. */
  private static Expr inQuotients(Expr e, Expr quotient) {
    return quotient instanceof Binary(BinaryOp op, Expr x, Expr n) && op == BinaryOp.FLOOR_DIV
        ? new Quotient(x, n, quotient).in(e)
        : e;
  }
}
