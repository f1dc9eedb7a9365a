package dev.attune.ptx.select;

import dev.attune.compiler.analysis.IntRanges;
import dev.attune.compiler.analysis.Interval;
import dev.attune.compiler.spec.BinaryOp;
import dev.attune.compiler.spec.CompareOp;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.Position;
import dev.attune.compiler.spec.ScalarType;
import dev.attune.compiler.spec.Simplify;
import dev.attune.compiler.spec.UnaryOp;
import dev.attune.compiler.tile.Lowering;
import java.util.Optional;
import java.util.function.BinaryOperator;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * A predicate whose live keys in a row are known as a set: bits at compile-time columns then say
 * what holds, and nothing is computed for an element. No expression in it uses the key.
 */
sealed interface ColumnBits {

  /** All keys or none. */
  record OfRow(Expr holds) implements ColumnBits {}

  /** The keys from one on. */
  record From(Expr first) implements ColumnBits {}

  /**
   * The keys in runs, a period apart.
   *
   * @param period uniform, at least 1
   * @param from the first key of one of the runs
   * @param length keys in a run, 0 to the period; none: one key
   */
  record Runs(Expr period, Expr from, Optional<Expr> length) implements ColumnBits {}

  /** The other keys. */
  record Not(ColumnBits x) implements ColumnBits {}

  /** The keys in both. */
  record And(ColumnBits a, ColumnBits b) implements ColumnBits {}

  /** The keys in either. */
  record Or(ColumnBits a, ColumnBits b) implements ColumnBits {}

  /** Whether some of it repeats along the keys. */
  default boolean periodic() {
    return switch (this) {
      case OfRow r -> false;
      case From f -> false;
      case Runs r -> true;
      case Not(ColumnBits x) -> x.periodic();
      case And(ColumnBits a, ColumnBits b) -> a.periodic() || b.periodic();
      case Or(ColumnBits a, ColumnBits b) -> a.periodic() || b.periodic();
    };
  }

  /** The set of an unrolled predicate; none where it is no such set. */
  static Optional<ColumnBits> of(Expr predicate, IntRanges ranges) {
    return Optional.ofNullable(new Finder(ranges).find(predicate));
  }

  /**
   * Finds sets.
   *
   * @param ranges of the spec
   */
  record Finder(IntRanges ranges) {
    /** Bounds in which sums and differences of a few do not overflow. */
    private static final Interval EXACT = new Interval(-(1L << 61), 1L << 61);

    private static final Expr KEY = new Expr.At(Position.KV);
    private static final Expr ZERO = Exprs.of(0L);
    private static final Expr ONE = Exprs.of(1L);

    /** More than any key, and twice it less than a period that is cut. */
    private static final Expr BEYOND = Exprs.of(1L << 29);

    private @Nullable ColumnBits find(Expr e) {
      if (!Exprs.uses(e, Position.KV)) {
        return new OfRow(e);
      }
      return switch (e) {
        case Expr.Unary(UnaryOp op, Expr x) when op == UnaryOp.NOT -> not(find(x));
        case Expr.Binary(BinaryOp op, Expr a, Expr b) ->
            both(find(a), find(b), op == BinaryOp.AND ? And::new : Or::new);
        case Expr.Compare(CompareOp op, Expr a, Expr b) when a.type() == ScalarType.INT ->
            solve(Exprs.sub(a, b), x -> compare(op, x, ZERO));
        case Expr.Compare(CompareOp op, Expr a, Expr b) when a.type() == ScalarType.BOOL -> {
          ColumnBits x = find(a);
          ColumnBits y = find(b);
          ColumnBits equal = both(both(x, y, And::new), both(not(x), not(y), And::new), Or::new);
          yield op == CompareOp.EQ ? equal : not(equal);
        }
        default -> null;
      };
    }

    /** A condition on a sum of which one term uses the key. */
    private @Nullable ColumnBits solve(Expr sum, Function<Sum, @Nullable ColumnBits> condition) {
      Sum found = sum(sum);
      return found == null ? null : condition.apply(found);
    }

    /** {@code term + rest}, or {@code rest - term}, where only the term uses the key. */
    private record Sum(Expr term, boolean negative, Expr rest) {}

    private static @Nullable Sum sum(Expr e) {
      return switch (e) {
        case Expr.Unary(UnaryOp op, Expr x) when op == UnaryOp.NEG -> negated(sum(x), ZERO);
        case Expr.Binary(BinaryOp op, Expr a, Expr b)
            when op == BinaryOp.ADD || op == BinaryOp.SUB -> {
          boolean left = Exprs.uses(a, Position.KV);
          if (left && Exprs.uses(b, Position.KV)) {
            yield null;
          }
          Sum inner = sum(left ? a : b);
          if (inner == null || (!left && op == BinaryOp.SUB)) {
            yield negated(inner, a);
          }
          Expr rest = new Expr.Binary(op, left ? inner.rest : a, left ? b : inner.rest);
          yield new Sum(inner.term, inner.negative, rest);
        }
        default -> new Sum(e, false, ZERO);
      };
    }

    /** {@code from} less the sum. */
    private static @Nullable Sum negated(@Nullable Sum x, Expr from) {
      return x == null ? null : new Sum(x.term, !x.negative, Exprs.sub(from, x.rest));
    }

    /** {@code x op y}, where y does not use the key. */
    private @Nullable ColumnBits compare(CompareOp op, Sum x, Expr y) {
      // A term with a negative sign is moved to the other side.
      return x.negative
          ? term(op.swapped(), x.term, Exprs.sub(x.rest, y))
          : term(op, x.term, Exprs.sub(y, x.rest));
    }

    private @Nullable ColumnBits term(CompareOp op, Expr x, Expr unsimplified) {
      Expr y = Simplify.simplify(unsimplified);
      if (!ranges.of(y).within(EXACT)) {
        return null;
      }
      return switch (op) {
        case LT -> below(x, y);
        case LE -> below(x, next(y));
        case GE -> not(below(x, y));
        case GT -> not(below(x, next(y)));
        case EQ -> equal(x, y);
        case NE -> not(equal(x, y));
      };
    }

    private @Nullable ColumnBits below(Expr x, Expr y) {
      return switch (x) {
        case Expr.At at -> new Not(new From(y));
        case Expr.Unary(UnaryOp op, Expr z) when op == UnaryOp.ABS ->
            both(
                solve(z, s -> compare(CompareOp.LT, s, y)),
                solve(z, s -> compare(CompareOp.GT, s, Exprs.sub(ZERO, y))),
                And::new);
        case Expr.Binary b -> {
          Division d = division(b);
          yield d == null
              ? null
              : d.quotient
                  ? solve(d.x, s -> compare(CompareOp.LT, s, Exprs.mul(y, d.by)))
                  : solve(d.x, s -> run(d.by, s, Exprs.min(Exprs.max(y, ZERO), d.by)));
        }
        default -> null;
      };
    }

    private @Nullable ColumnBits equal(Expr x, Expr y) {
      return switch (x) {
        case Expr.Unary(UnaryOp op, Expr z) when op == UnaryOp.ABS && y.equals(ZERO) ->
            solve(z, s -> compare(CompareOp.EQ, s, ZERO));
        case Expr.Binary b -> {
          Division d = division(b);
          yield d != null && !d.quotient
              ? solve(d.x, s -> hits(d.by, s, y))
              : both(below(x, next(y)), not(below(x, y)), And::new);
        }
        default -> both(below(x, next(y)), not(below(x, y)), And::new);
      };
    }

    /** A quotient or remainder by what is at least 1. */
    private record Division(boolean quotient, Expr x, Expr by) {}

    private @Nullable Division division(Expr.Binary e) {
      if (e.op() == BinaryOp.BIT_AND
          && e.b() instanceof Expr.IntConst(long m)
          && m >= 0
          && Long.bitCount(m + 1) == 1) {
        return new Division(false, e.a(), Exprs.of(m + 1));
      }
      boolean quotient = e.op() == BinaryOp.FLOOR_DIV;
      return (quotient || e.op() == BinaryOp.FLOOR_MOD)
              && !Exprs.uses(e.b(), Position.KV)
              && (quotient || Lowering.uniform(e.b()))
              && ranges.of(e.b()).within(new Interval(1, Integer.MAX_VALUE))
          ? new Division(quotient, e.a(), e.b())
          : null;
    }

    /** {@code x % n < length}. */
    private @Nullable ColumnBits run(Expr n, Sum x, Expr length) {
      if (!x.term.equals(KEY)) {
        return null;
      }
      // (g - kv) % n < c where kv is one of g, g - 1 to g - (c - 1).
      Expr from = x.negative ? Exprs.sub(next(x.rest), length) : Exprs.sub(ZERO, x.rest);
      return exact(new Runs(n, Simplify.simplify(from), Optional.of(Simplify.simplify(length))));
    }

    /** {@code x % n == y}. */
    private @Nullable ColumnBits hits(Expr n, Sum x, Expr y) {
      if (x.term instanceof Expr.Unary(UnaryOp op, Expr z)
          && op == UnaryOp.ABS
          && y.equals(ZERO)
          && x.rest.equals(ZERO)) {
        return solve(z, s -> hits(n, s, y));
      }
      boolean congruent =
          y instanceof Expr.Binary(BinaryOp op, Expr z, Expr m)
              && op == BinaryOp.FLOOR_MOD
              && m.equals(n);
      Expr residue = congruent ? ((Expr.Binary) y).a() : y;
      Expr from =
          Simplify.simplify(x.negative ? Exprs.sub(x.rest, residue) : Exprs.sub(residue, x.rest));
      ColumnBits hits =
          x.term.equals(KEY) ? exact(new Runs(n, from, Optional.empty())) : blocks(n, x.term, from);
      if (hits == null || congruent || ranges.of(y).within(smallest(n))) {
        return hits;
      }
      Expr some =
          Exprs.and(new Expr.Compare(CompareOp.GE, y, ZERO), new Expr.Compare(CompareOp.LT, y, n));
      return new And(new OfRow(some), hits);
    }

    /**
     * {@code kv // b ≡ from (mod n)}: runs of b keys, n·b apart. Where a number is beyond all keys,
     * another such is as good.
     */
    private @Nullable ColumnBits blocks(Expr n, Expr quotient, Expr from) {
      Division d = quotient instanceof Expr.Binary b ? division(b) : null;
      if (d == null || !d.quotient || !d.x.equals(KEY) || !Lowering.uniform(d.by)) {
        return null;
      }
      Expr first = Exprs.mul(new Expr.Binary(BinaryOp.FLOOR_MOD, from, n), d.by);
      Expr period = Exprs.min(Exprs.mul(n, d.by), Exprs.of(Integer.MAX_VALUE));
      Optional<Expr> length = Optional.of(Exprs.min(d.by, BEYOND));
      return exact(new Runs(period, Exprs.min(first, BEYOND), length));
    }

    /** Residues for every value of a period. */
    private Interval smallest(Expr n) {
      return new Interval(0, ranges.of(n).lo() - 1);
    }

    private @Nullable ColumnBits exact(Runs r) {
      return ranges.of(r.from).within(EXACT) ? r : null;
    }

    private static Expr next(Expr e) {
      return Simplify.simplify(Exprs.add(e, ONE));
    }

    private static @Nullable ColumnBits not(@Nullable ColumnBits x) {
      return x == null ? null : x instanceof Not(ColumnBits y) ? y : new Not(x);
    }

    private static @Nullable ColumnBits both(
        @Nullable ColumnBits a, @Nullable ColumnBits b, BinaryOperator<ColumnBits> join) {
      return a == null || b == null ? null : join.apply(a, b);
    }
  }
}
