package dev.attune.compiler.analysis;

import dev.attune.compiler.spec.BinaryOp;
import dev.attune.compiler.spec.CompareOp;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Expr.Binary;
import dev.attune.compiler.spec.Expr.Compare;
import dev.attune.compiler.spec.Expr.IntConst;
import dev.attune.compiler.spec.Expr.Reduce;
import dev.attune.compiler.spec.Expr.Unary;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.ReduceOp;
import dev.attune.compiler.spec.ScalarType;
import dev.attune.compiler.spec.UnaryOp;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Bit operations and bounded sums as arithmetic of the same value, which the analysis knows. */
final class Arithmetic {
  private static final int MOST_TERMS = 16;
  private static final long SIGN = Long.MIN_VALUE;

  private Arithmetic() {}

  /** The expression with every bit operation that is arithmetic written as such. */
  static Expr of(Expr e) {
    Expr inner = Exprs.mapChildren(e, Arithmetic::of);
    Expr better = rewrite(inner);
    return better == null ? inner : better;
  }

  private static @Nullable Expr rewrite(Expr e) {
    return switch (e) {
      case Unary(UnaryOp op, Expr x) when op == UnaryOp.BIT_NOT -> Exprs.sub(new IntConst(-1), x);
      case Binary(BinaryOp op, Expr x, IntConst(long n)) when n >= 0 && n < 62 ->
          switch (op) {
            case SHR -> divide(x, n);
            case SHL -> Exprs.mul(x, new IntConst(1L << n));
            case BIT_AND -> field(x, n);
            case BIT_OR, BIT_XOR -> disjoint(x, new IntConst(n));
            default -> null;
          };
      case Binary(BinaryOp op, Expr a, Expr b)
          when op == BinaryOp.BIT_OR || op == BinaryOp.BIT_XOR ->
          disjoint(a, b);
      // Where no bit differs the bits are equal.
      case Compare(
              CompareOp op,
              Binary(BinaryOp mod, Binary(BinaryOp xor, Expr a, Expr b), IntConst(long n)),
              IntConst(long zero))
          when zero == 0
              && n > 0
              && Long.bitCount(n) == 1
              && mod == BinaryOp.FLOOR_MOD
              && xor == BinaryOp.BIT_XOR
              && (op == CompareOp.EQ || op == CompareOp.NE) ->
          new Compare(op, new Binary(mod, a, new IntConst(n)), new Binary(mod, b, new IntConst(n)));
      case Reduce r
          when r.op() == ReduceOp.SUM
              && r.type() == ScalarType.INT
              && r.to() > r.from()
              && r.to() - r.from() <= MOST_TERMS -> {
        Expr sum = term(r, r.from());
        for (long i = r.from() + 1; i < r.to(); i++) {
          sum = Exprs.add(sum, term(r, i));
        }
        yield of(sum);
      }
      default -> null;
    };
  }

  /** A reduction's body for one value of its variable. */
  static Expr term(Reduce r, long i) {
    return Exprs.substitute(r.body(), Map.of(r.variable(), new IntConst(i)));
  }

  private static Expr divide(Expr x, long shift) {
    return shift == 0 ? x : new Binary(BinaryOp.FLOOR_DIV, x, new IntConst(1L << shift));
  }

  /** {@code x & mask} for a run of ones. */
  private static @Nullable Expr field(Expr x, long mask) {
    if (mask == 0) {
      return new IntConst(0);
    }
    int low = Long.numberOfTrailingZeros(mask);
    long ones = mask >> low;
    if ((ones & (ones + 1)) != 0) {
      return null;
    }
    Expr bits = new Binary(BinaryOp.FLOOR_MOD, divide(x, low), new IntConst(ones + 1));
    return low == 0 ? bits : Exprs.mul(bits, new IntConst(1L << low));
  }

  /** {@code a | b} and {@code a ^ b} where no bit may be set in both. */
  private static @Nullable Expr disjoint(Expr a, Expr b) {
    return (possible(a) & possible(b)) == 0 ? Exprs.add(a, b) : null;
  }

  /** The bits that may be set. */
  private static long possible(Expr e) {
    return switch (e) {
      case IntConst(long n) -> n;
      case Binary(BinaryOp op, Expr x, IntConst(long n)) when n > 0 ->
          switch (op) {
            case FLOOR_MOD -> fill(n - 1);
            case FLOOR_DIV -> {
              long bits = possible(x);
              boolean shift = Long.bitCount(n) == 1 && bits >= 0;
              yield shift ? bits >> Long.numberOfTrailingZeros(n) : -1;
            }
            case MUL -> {
              long bits = possible(x);
              int shift = Long.numberOfTrailingZeros(n);
              boolean fits = Long.bitCount(n) == 1 && bits >= 0 && bits >> (62 - shift) == 0;
              yield fits ? bits << shift : -1;
            }
            default -> -1;
          };
      case Binary(BinaryOp op, Expr a, Expr b) when op == BinaryOp.ADD -> {
        long x = possible(a);
        long y = possible(b);
        yield (x & y) == 0 && ((x | y) & SIGN) == 0 ? x | y : -1;
      }
      default -> -1;
    };
  }

  /** All bits up to the highest of a number that is not negative. */
  private static long fill(long n) {
    return n == 0 ? 0 : -1L >>> Long.numberOfLeadingZeros(n);
  }
}
