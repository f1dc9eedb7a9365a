package dev.attune.compiler.check;

import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Expr.At;
import dev.attune.compiler.spec.Expr.Binary;
import dev.attune.compiler.spec.Expr.IntConst;
import dev.attune.compiler.spec.Expr.Size;
import dev.attune.compiler.spec.Expr.Unary;
import dev.attune.compiler.spec.Extent;
import dev.attune.compiler.spec.Position;
import dev.attune.compiler.spec.UnaryOp;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Predicate;

/**
 * An int expression as a sum of multiples of terms: {@code q - kv + 1} is {@code 1·q − 1·kv + 1}.
 * What is not a sum or a multiple is a term by itself.
 *
 * @param terms factors by term, none of them zero
 */
record Affine(Map<Expr, Double> terms, double constant) {

  static Affine of(Expr e) {
    return switch (e) {
      case IntConst(long value) -> new Affine(Map.of(), value);
      case Unary(UnaryOp op, Expr x) when op == UnaryOp.NEG -> of(x).times(-1);
      case Binary b ->
          switch (b.op()) {
            case ADD -> of(b.a()).plus(of(b.b()), 1);
            case SUB -> of(b.a()).plus(of(b.b()), -1);
            case MUL -> {
              if (b.a() instanceof IntConst(long factor)) {
                yield of(b.b()).times((double) factor);
              }
              yield b.b() instanceof IntConst(long factor)
                  ? of(b.a()).times((double) factor)
                  : new Affine(Map.of(e, 1.0), 0);
            }
            default -> new Affine(Map.of(e, 1.0), 0);
          };
      default -> new Affine(Map.of(e, 1.0), 0);
    };
  }

  Affine plus(Affine other, double factor) {
    Map<Expr, Double> sum = new LinkedHashMap<>(terms);
    other.terms.forEach((t, f) -> sum.merge(t, f * factor, Double::sum));
    sum.values().removeIf(f -> f == 0);
    return new Affine(sum, constant + other.constant * factor);
  }

  Affine times(double factor) {
    return new Affine(Map.of(), 0).plus(this, factor);
  }

  /** The part over the terms that satisfy a predicate, without the constant. */
  Affine only(Predicate<Expr> wanted) {
    Map<Expr, Double> part = new LinkedHashMap<>();
    terms.forEach(
        (t, f) -> {
          if (wanted.test(t)) {
            part.put(t, f);
          }
        });
    return new Affine(part, 0);
  }

  /** Every value it can have, knowing that a position is less than its size. */
  Interval range(Ranges ranges) {
    return Interval.of(-times(-1).highest(ranges), highest(ranges));
  }

  private double highest(Ranges ranges) {
    Map<Expr, Double> rest = new LinkedHashMap<>(terms);
    double high = constant;
    for (Position p : Position.values()) {
      Expr position = new At(p);
      Expr size = new Size(size(p));
      double up = rest.getOrDefault(position, 0.0);
      double down = -rest.getOrDefault(size, 0.0);
      double both = Math.min(up, down);
      if (both > 0) {
        high -= both;
        rest.put(position, up - both);
        rest.put(size, both - down);
      }
    }
    for (Map.Entry<Expr, Double> term : rest.entrySet()) {
      high += ranges.of(term.getKey()).times(term.getValue()).high();
    }
    return high;
  }

  /** The size that a position is less than. */
  static Extent size(Position p) {
    return switch (p) {
      case B -> Extent.B;
      case H -> Extent.HQ;
      case HKV -> Extent.HKV;
      case Q -> Extent.SQ;
      case KV -> Extent.SKV;
    };
  }
}
