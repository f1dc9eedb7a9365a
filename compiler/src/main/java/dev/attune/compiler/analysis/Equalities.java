package dev.attune.compiler.analysis;

import dev.attune.compiler.spec.BinaryOp;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Expr.Binary;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.Simplify;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** What two equal values say of the other comparisons of a conjunction. */
final class Equalities {
  /** The most comparisons to say again with another value. */
  private static final int MOST = 12;

  private Equalities() {}

  /**
   * Comparisons that hold together where the given ones do: where {@code a == b} is among them,
   * others are also said with b in place of a, and only so where that is shorter. So documents'
   * offsets cancel, and positions within equal blocks are compared as positions.
   */
  static List<Formula> applied(List<Formula> literals) {
    List<Formula> result = literals;
    for (Formula f : literals) {
      if (f instanceof Formula.IsZero(Affine d) && d.terms().size() == 2 && d.constant() == 0) {
        List<Expr> atoms = List.copyOf(d.terms().keySet());
        Expr a = atoms.get(0);
        Expr b = atoms.get(1);
        boolean equal = d.coefficient(a) == -d.coefficient(b);
        if (equal && result.size() <= MOST && !Facts.isPosition(a) && !Facts.isPosition(b)) {
          result =
              result.stream()
                  .flatMap(g -> g.equals(f) ? Stream.of(g) : said(g, a, b).stream())
                  .distinct()
                  .toList();
        }
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
