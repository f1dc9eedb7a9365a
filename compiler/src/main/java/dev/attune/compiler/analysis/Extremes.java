package dev.attune.compiler.analysis;

import dev.attune.compiler.spec.BinaryOp;
import dev.attune.compiler.spec.CompareOp;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Expr.At;
import dev.attune.compiler.spec.Expr.Binary;
import dev.attune.compiler.spec.Expr.Compare;
import dev.attune.compiler.spec.Expr.Gather;
import dev.attune.compiler.spec.Expr.IntConst;
import dev.attune.compiler.spec.Expr.Search;
import dev.attune.compiler.spec.Expr.Select;
import dev.attune.compiler.spec.Expr.Unary;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.ParamDecl;
import dev.attune.compiler.spec.Position;
import dev.attune.compiler.spec.ScalarType;
import dev.attune.compiler.spec.Simplify;
import dev.attune.compiler.spec.TensorDecl;
import dev.attune.compiler.spec.UnaryOp;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Bounds of an int expression over the pairs of a zone, as expressions that are uniform over the
 * tile: where it is monotone the value at one end, and never on the wrong side.
 */
final class Extremes {
  static final Expr Q = new At(Position.Q);
  static final Expr KV = new At(Position.KV);

  private static final int MOST_ENTRIES = 9;

  /** Nodes of an extreme: each operand may stand in it more than once. */
  private static final long LARGEST = 1000;

  private final Facts facts;
  private final Zone zone;

  Extremes(Facts facts, Zone zone) {
    this.facts = facts;
    this.zone = zone;
  }

  /** An expression that is no less than the sum at any pair. */
  Optional<Expr> most(Affine sum) {
    return extreme(sum, true);
  }

  /** An expression that is no more than the sum at any pair. */
  Optional<Expr> least(Affine sum) {
    return extreme(sum, false);
  }

  private Optional<Expr> extreme(Affine sum, boolean most) {
    try {
      boolean both = sum.coefficient(Q) != 0 && sum.coefficient(KV) != 0;
      Affine total =
          both ? positions(sum, most).plus(sum.constant()) : Affine.constant(sum.constant());
      Affine terms = both ? sum.without(Q).without(KV) : sum;
      for (Map.Entry<Expr, Long> t : terms.terms().entrySet()) {
        Optional<Expr> e = extreme(t.getKey(), most == t.getValue() > 0);
        if (e.isEmpty()) {
          return e;
        }
        total = total.plus(Affine.of(e.get()).times(t.getValue()));
      }
      return Optional.of(Simplify.simplify(total.expr()));
    } catch (ArithmeticException tooLarge) {
      return Optional.empty();
    }
  }

  /** The terms of q and kv: as much as can be as a multiple of q - kv. */
  private Affine positions(Affine sum, boolean most) {
    long q = sum.coefficient(Q);
    long kv = sum.coefficient(KV);
    long both = Long.signum(q) * Long.signum(kv) < 0 ? Math.min(Math.abs(q), Math.abs(kv)) : 0;
    both *= Long.signum(q);
    return term(Zone.Axis.DIFFERENCE, both, most)
        .plus(term(Zone.Axis.Q, q - both, most))
        .plus(term(Zone.Axis.KV, kv + both, most));
  }

  private Affine term(Zone.Axis axis, long factor, boolean most) {
    return factor == 0
        ? Affine.ZERO
        : Affine.of(zone.bound(axis, most == factor > 0, facts)).times(factor);
  }

  private Optional<Expr> extreme(Expr e, boolean most) {
    if (!Facts.varies(e)) {
      return Optional.of(e);
    }
    return monotone(e, most).filter(x -> Exprs.nodes(x) <= LARGEST).or(() -> constant(e, most));
  }

  private Optional<Expr> monotone(Expr e, boolean most) {
    return switch (e) {
      case At p -> Optional.of(zone.bound(e.equals(Q) ? Zone.Axis.Q : Zone.Axis.KV, most, facts));
      case Unary(UnaryOp op, Expr x) ->
          switch (op) {
            case NEG -> extreme(Affine.of(e), most);
            case ABS -> absolute(x, most);
            case BIT_NOT -> extreme(x, !most).map(y -> new Unary(UnaryOp.BIT_NOT, y));
            default -> constant(e, most);
          };
      case Binary(BinaryOp op, Expr a, Expr b) -> binary(e, op, a, b, most);
      case Select(Expr c, Expr a, Expr b) -> select(c, a, b, most);
      case Gather g -> gather(g, most);
      case Search s -> search(s, most);
      default -> constant(e, most);
    };
  }

  private Optional<Expr> binary(Expr e, BinaryOp op, Expr a, Expr b, boolean most) {
    boolean fixed = !Facts.varies(b);
    return switch (op) {
      case ADD, SUB -> extreme(Affine.of(e), most);
      case MUL -> {
        Affine sum = Affine.of(e);
        yield sum.terms().containsKey(e) ? product(e, a, b, most) : extreme(sum, most);
      }
      case MIN, MAX -> both(op, a, b, most);
      case FLOOR_DIV ->
          facts.isDivisor(b)
              ? extreme(Affine.of(a), most).map(x -> new Binary(op, x, b))
              : constant(e, most);
      case SHR ->
          fixed ? extreme(Affine.of(a), most).map(x -> new Binary(op, x, b)) : constant(e, most);
      case FLOOR_MOD -> facts.isDivisor(b) ? remainder(a, b, most) : constant(e, most);
      default -> constant(e, most);
    };
  }

  /** {@code x % n}: the ends where all of x has one quotient, else 0 and n − 1 are among them. */
  private Optional<Expr> remainder(Expr x, Expr n, boolean most) {
    Expr largest = Exprs.sub(n, new IntConst(1));
    Expr otherwise = most ? largest : new IntConst(0);
    Optional<Expr> low = extreme(Affine.of(x), false);
    Optional<Expr> high = extreme(Affine.of(x), true);
    if (low.isEmpty() || high.isEmpty()) {
      return Optional.of(otherwise);
    }
    Expr end = most ? high.get() : low.get();
    if (facts.ordered(new IntConst(0), low.get()) && facts.ordered(high.get(), largest)) {
      return Optional.of(end);
    }
    Expr one =
        new Compare(
            CompareOp.EQ,
            new Binary(BinaryOp.FLOOR_DIV, low.get(), n),
            new Binary(BinaryOp.FLOOR_DIV, high.get(), n));
    return Optional.of(new Select(one, new Binary(BinaryOp.FLOOR_MOD, end, n), otherwise));
  }

  private Optional<Expr> select(Expr c, Expr a, Expr b, boolean most) {
    if (Facts.varies(c)) {
      return both(most ? BinaryOp.MAX : BinaryOp.MIN, a, b, most);
    }
    Optional<Expr> x = extreme(Affine.of(a), most);
    Optional<Expr> y = extreme(Affine.of(b), most);
    return x.isPresent() && y.isPresent()
        ? Optional.of(new Select(c, x.get(), y.get()))
        : Optional.empty();
  }

  private Optional<Expr> product(Expr e, Expr a, Expr b, boolean most) {
    boolean first = Facts.varies(a);
    Expr varying = first ? a : b;
    Expr factor = first ? b : a;
    if (Facts.varies(factor)) {
      return constant(e, most);
    }
    Interval sign = facts.ranges().integer(factor);
    if (sign.lo() < 0 && sign.hi() > 0) {
      return constant(e, most);
    }
    return extreme(Affine.of(varying), most == sign.lo() >= 0).map(x -> Exprs.mul(x, factor));
  }

  private Optional<Expr> both(BinaryOp op, Expr a, Expr b, boolean most) {
    Optional<Expr> x = extreme(Affine.of(a), most);
    Optional<Expr> y = extreme(Affine.of(b), most);
    if (x.isPresent() && y.isPresent()) {
      return Optional.of(new Binary(op, x.get(), y.get()));
    }
    // min(a, b) <= a, and max(a, b) >= a.
    boolean oneSuffices = most ? op == BinaryOp.MIN : op == BinaryOp.MAX;
    return oneSuffices ? x.or(() -> y) : Optional.empty();
  }

  private Optional<Expr> absolute(Expr x, boolean most) {
    Optional<Expr> high = extreme(Affine.of(x), true);
    Optional<Expr> low = extreme(Affine.of(x), false);
    if (high.isEmpty() || low.isEmpty()) {
      return most ? Optional.empty() : Optional.of(new IntConst(0));
    }
    Expr below = new Unary(UnaryOp.NEG, most ? low.get() : high.get());
    Expr either = Exprs.max(most ? high.get() : low.get(), below);
    return Optional.of(most ? either : Exprs.max(either, new IntConst(0)));
  }

  private Optional<Expr> gather(Gather g, boolean most) {
    int last = g.indices().size() - 1;
    boolean sorted = facts.spec().tensor(g.tensor()).map(TensorDecl::nondecreasing).orElse(false);
    if (sorted && g.indices().subList(0, last).stream().noneMatch(Facts::varies)) {
      Optional<Expr> index = extreme(Affine.of(g.indices().get(last)), most);
      if (index.isPresent()) {
        List<Expr> indices = new ArrayList<>(g.indices());
        indices.set(last, index.get());
        return Optional.of(new Gather(g.tensor(), g.type(), indices));
      }
    }
    return entries(g)
        .flatMap(all -> all.stream().reduce(most ? Exprs::max : Exprs::min))
        .or(() -> constant(g, most));
  }

  /** A larger value is found no earlier. */
  private Optional<Expr> search(Search s, boolean most) {
    return s.row().stream().noneMatch(Facts::varies)
        ? extreme(Affine.of(s.value()), most).map(v -> new Search(s.tensor(), s.row(), v))
        : constant(s, most);
  }

  /** Every entry that the zone may read, where they are few. */
  Optional<List<Expr>> entries(Gather g) {
    List<List<Expr>> found = List.of(List.of());
    for (Expr index : g.indices()) {
      Optional<Expr> low = extreme(Affine.of(index), false);
      Optional<Expr> high = extreme(Affine.of(index), true);
      long width = Facts.varies(index) ? width(index) : 0;
      if (low.isEmpty()
          || high.isEmpty()
          || width >= MOST_ENTRIES
          || (width + 1) * found.size() > MOST_ENTRIES) {
        return Optional.empty();
      }
      List<List<Expr>> longer = new ArrayList<>();
      for (List<Expr> front : found) {
        for (long i = 0; i <= width; i++) {
          Expr at =
              i == 0
                  ? low.get()
                  : i == width
                      ? high.get()
                      : Exprs.min(Exprs.add(low.get(), new IntConst(i)), high.get());
          longer.add(Stream.concat(front.stream(), Stream.of(Simplify.simplify(at))).toList());
        }
      }
      found = longer;
    }
    return Optional.of(
        found.stream().<Expr>map(at -> new Gather(g.tensor(), g.type(), at)).distinct().toList());
  }

  /** An upper bound of how far an expression's values are apart. */
  long width(Expr e) {
    Interval total = Interval.of(0);
    for (Map.Entry<Expr, Long> t : Affine.of(e).terms().entrySet()) {
      Expr atom = t.getKey();
      Interval apart;
      if (!Facts.varies(atom)) {
        continue;
      } else if (Facts.isPosition(atom)) {
        Zone.Axis axis = atom.equals(Q) ? Zone.Axis.Q : Zone.Axis.KV;
        Expr high = zone.bound(axis, true, facts);
        apart = Interval.of(Math.max(0, facts.difference(high, zone.bound(axis, false, facts))));
      } else if (atom instanceof Binary(BinaryOp op, Expr x, Expr n)
          && op == BinaryOp.FLOOR_DIV
          && facts.isDivisor(n)) {
        long divisor = facts.ranges().integer(n).lo();
        apart = Interval.of(width(x)).add(Interval.of(divisor - 1)).floorDiv(Interval.of(divisor));
      } else {
        return Interval.ALL.hi();
      }
      total = total.add(apart.mul(Interval.of(Math.abs(t.getValue()))));
    }
    return total.hi();
  }

  /** What the declared facts say of an expression that is not monotone. */
  private Optional<Expr> constant(Expr e, boolean most) {
    if (e.type() != ScalarType.INT) {
      return Optional.empty();
    }
    Interval values = facts.ranges().integer(e);
    long end = most ? values.hi() : values.lo();
    return Math.abs(end) <= ParamDecl.INT_LIMIT ? Optional.of(new IntConst(end)) : Optional.empty();
  }
}
