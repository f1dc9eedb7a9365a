package dev.attune.ptx.select;

import dev.attune.compiler.spec.BinaryOp;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.Position;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/** Operands of nested conjunctions and disjunctions, and what they keep in registers. */
final class Terms {
  /**
   * What the keys of a tile may share of a mask in registers, besides which there is room for the
   * rest. Beyond it a disjunction is evaluated term by term.
   */
  private static final int SHARED = 24;

  private Terms() {}

  /** The operands of nested uses of an operation, in the order in which they are written. */
  static Stream<Expr> of(BinaryOp op, Expr e) {
    return e instanceof Expr.Binary(BinaryOp o, Expr a, Expr b) && o == op
        ? Stream.concat(of(op, a), of(op, b))
        : Stream.of(e);
  }

  /** Whether a predicate is a disjunction whose terms together keep too much in registers. */
  static boolean heavy(Expr e) {
    return e instanceof Expr.Binary(BinaryOp op, Expr a, Expr b)
        && op == BinaryOp.OR
        && keepMuch(e);
  }

  /** Whether the keys of a tile would share more in registers than there is room for. */
  static boolean keepMuch(Expr e) {
    return shared(e, new HashSet<>()).size() > SHARED;
  }

  /** The elements of tensors that are the same for all keys. */
  private static Set<Expr> shared(Expr e, Set<Expr> found) {
    if (e instanceof Expr.Gather && !Exprs.uses(e, Position.KV)) {
      found.add(e);
    } else {
      Exprs.children(e).forEach(child -> shared(child, found));
    }
    return found;
  }

  /** The conjunction of parts. */
  static Expr all(List<Expr> parts) {
    return parts.stream().reduce(Exprs::and).orElse(Exprs.of(true));
  }
}
