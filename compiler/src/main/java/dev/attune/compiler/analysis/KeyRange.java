package dev.attune.compiler.analysis;

import dev.attune.compiler.spec.CompareOp;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Expr.BoolConst;
import dev.attune.compiler.spec.Expr.Compare;
import dev.attune.compiler.spec.Expr.IntConst;
import dev.attune.compiler.spec.Expr.Select;
import dev.attune.compiler.spec.Expr.Size;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.Extent;
import dev.attune.compiler.spec.Simplify;
import java.util.Optional;
import java.util.function.BinaryOperator;

/**
 * The keys from {@code first} to {@code last} where {@code when} holds, none elsewhere; or queries.
 *
 * @param of how many there are of them all
 * @param when a condition that is uniform over the tile; absent where it is always true
 */
record KeyRange(Extent of, Optional<Expr> when, Optional<Expr> first, Optional<Expr> last) {
  private static final Expr START = new IntConst(0);
  private static final Expr BEFORE = new IntConst(-1);

  KeyRange {
    when = when.map(Simplify::simplify).filter(c -> !c.equals(new BoolConst(true)));
    first = first.map(Simplify::simplify);
    last = last.map(Simplify::simplify);
  }

  static KeyRange all(Extent of) {
    return new KeyRange(of, Optional.empty(), Optional.empty(), Optional.empty());
  }

  static KeyRange from(Extent of, Optional<Expr> first) {
    return new KeyRange(of, Optional.empty(), first, Optional.empty());
  }

  static KeyRange to(Extent of, Optional<Expr> last) {
    return new KeyRange(of, Optional.empty(), Optional.empty(), last);
  }

  static KeyRange when(Extent of, Optional<Expr> condition) {
    return new KeyRange(of, condition, Optional.empty(), Optional.empty());
  }

  /** Whether it is all of them, without a condition. */
  boolean isAll() {
    return when.isEmpty() && isEndless();
  }

  private boolean isEndless() {
    return first.isEmpty() && last.isEmpty();
  }

  /** The keys in both. */
  KeyRange and(KeyRange o) {
    return new KeyRange(
        of,
        merge(Exprs::and, when, o.when),
        merge(Exprs::max, first, o.first),
        merge(Exprs::min, last, o.last));
  }

  /** A range that contains the keys of both. */
  KeyRange hull(KeyRange o) {
    if (isAll() || o.isAll()) {
      return all(of);
    }
    Optional<Expr> either =
        when.isPresent() && o.when.isPresent() ? merge(Exprs::or, when, o.when) : Optional.empty();
    if (isEndless()) {
      return o.unless(when.orElseThrow(), either);
    }
    if (o.isEndless()) {
      return unless(o.when.orElseThrow(), either);
    }
    return new KeyRange(
        of,
        either,
        first.isPresent() && o.first.isPresent()
            ? merge(Exprs::min, guardedFirst(), o.guardedFirst())
            : Optional.empty(),
        last.isPresent() && o.last.isPresent()
            ? merge(Exprs::max, guardedLast(), o.guardedLast())
            : Optional.empty());
  }

  /** All keys where a condition holds, and these where it does not. */
  private KeyRange unless(Expr all, Optional<Expr> condition) {
    return new KeyRange(
        of,
        condition,
        guardedFirst().map(f -> new Select(all, START, f)),
        guardedLast().map(l -> new Select(all, end(), l)));
  }

  /** The larger of the ranges inside both, as far as one range can say: all of both or one. */
  KeyRange larger(KeyRange o) {
    if (isAll() || o.isAll()) {
      return all(of);
    }
    boolean prefixes = first.isEmpty() && o.first.isEmpty();
    boolean suffixes = last.isEmpty() && o.last.isEmpty();
    if (isEndless() || o.isEndless() || prefixes || suffixes) {
      return hull(o); // Both start, or both end, with the sequence: the union is one range.
    }
    Expr mine = Exprs.sub(guardedLast().orElse(end()), guardedFirst().orElse(START));
    Expr other = Exprs.sub(o.guardedLast().orElse(end()), o.guardedFirst().orElse(START));
    Expr longer = new Compare(CompareOp.GE, mine, other);
    return new KeyRange(
        of,
        Optional.empty(),
        Optional.of(
            new Select(longer, guardedFirst().orElse(START), o.guardedFirst().orElse(START))),
        Optional.of(
            new Select(longer, guardedLast().orElse(end()), o.guardedLast().orElse(end()))));
  }

  /** The same keys without a condition: where it does not hold, {@code first > last}. */
  KeyRange unconditional() {
    if (when.isEmpty()) {
      return this;
    }
    return last.isPresent() || first.isEmpty()
        ? new KeyRange(of, Optional.empty(), first, guardedLast().or(() -> guarded(end(), BEFORE)))
        : new KeyRange(of, Optional.empty(), guardedFirst(), last);
  }

  private Expr end() {
    return Exprs.sub(new Size(of), new IntConst(1));
  }

  private Optional<Expr> guardedFirst() {
    return first.flatMap(f -> guarded(f, new Size(of)));
  }

  private Optional<Expr> guardedLast() {
    return last.flatMap(l -> guarded(l, BEFORE));
  }

  private Optional<Expr> guarded(Expr value, Expr otherwise) {
    return Optional.of(when.<Expr>map(w -> new Select(w, value, otherwise)).orElse(value));
  }

  /** The nodes of its expressions. */
  long nodes() {
    return when.map(Exprs::nodes).orElse(0L)
        + first.map(Exprs::nodes).orElse(0L)
        + last.map(Exprs::nodes).orElse(0L);
  }

  private static Optional<Expr> merge(BinaryOperator<Expr> f, Optional<Expr> a, Optional<Expr> b) {
    return a.isEmpty() ? b : b.isEmpty() ? a : Optional.of(f.apply(a.get(), b.get()));
  }
}
