package dev.attune.compiler.analysis;

import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.BinaryOp;
import dev.attune.compiler.spec.CompareOp;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Expr.At;
import dev.attune.compiler.spec.Expr.Binary;
import dev.attune.compiler.spec.Expr.BoolConst;
import dev.attune.compiler.spec.Expr.Compare;
import dev.attune.compiler.spec.Expr.Gather;
import dev.attune.compiler.spec.Expr.IntConst;
import dev.attune.compiler.spec.Expr.Reduce;
import dev.attune.compiler.spec.Expr.Search;
import dev.attune.compiler.spec.Expr.Select;
import dev.attune.compiler.spec.Expr.Unary;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.Extent;
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
 * Solves a predicate for {@code kv} over the rows of a tile, or for {@code q} over its keys, by the
 * same rules. Negations are pushed inward; a comparison of ints becomes {@code sum <= 0}, in which
 * {@code abs}, {@code min}, {@code max}, floor division and sorted tensors around kv are undone one
 * by one until kv stands alone.
 */
final class MaskSolver {
  private static final long LARGEST = 300;
  private static final int MOST_TERMS = 16;

  /**
   * What is known of the keys of a tile.
   *
   * @param visit contains every key live for some row
   * @param full keys live for every row, where known
   * @param why the reason that {@code full} is not known
   * @param text the solved inequality
   */
  record Region(KeyRange visit, Optional<KeyRange> full, String why, String text) {
    Region {
      if (visit.nodes() > LARGEST) {
        visit = KeyRange.all(visit.of());
      }
      if (full.isPresent() && full.get().nodes() > LARGEST) {
        full = Optional.empty();
        why = "the range takes more than " + LARGEST + " operations";
      }
    }

    static Region exact(KeyRange range, String text) {
      return new Region(range, Optional.of(range), "", text);
    }

    Region and(Region o) {
      Optional<KeyRange> both =
          full.isPresent() && o.full.isPresent()
              ? Optional.of(full.get().and(o.full.get()))
              : Optional.empty();
      String reason = full.isPresent() ? o.why : why;
      return new Region(visit.and(o.visit), both, reason, text(" and ", o));
    }

    Region or(Region o) {
      Optional<KeyRange> either =
          full.isPresent() && o.full.isPresent()
              ? Optional.of(full.get().larger(o.full.get()))
              : full.or(() -> o.full);
      return new Region(visit.hull(o.visit), either, why, text(" or ", o));
    }

    private String text(String word, Region o) {
      return text.isEmpty() ? o.text : o.text.isEmpty() ? text : text + word + o.text;
    }
  }

  private final Facts facts;
  private final Extremes extremes;
  private final Position of;
  private final Extent count;
  private final Expr at;
  private final boolean searches;

  /** What is known besides: comparisons of a conjunction that the others are read under. */
  private final List<Equalities.Pair> equal;

  private final List<KvBounds.Solved> clauses;

  /**
   * A solver of one mask.
   *
   * @param of what it is solved for: kv or q
   * @param searches whether bounds may search a tensor
   */
  MaskSolver(AttentionSpec spec, Position of, boolean searches) {
    this(new Facts(spec), of, searches, List.of(), new ArrayList<>());
  }

  private MaskSolver(
      Facts facts,
      Position of,
      boolean searches,
      List<Equalities.Pair> equal,
      List<KvBounds.Solved> clauses) {
    this.facts = facts;
    this.extremes = new Extremes(facts, Zone.TILE);
    this.of = of;
    this.count = Ranges.extent(of);
    this.at = new At(of);
    this.searches = searches;
    this.equal = List.copyOf(equal);
    this.clauses = clauses;
  }

  private MaskSolver given(List<Equalities.Pair> pairs) {
    return new MaskSolver(facts, of, searches, pairs, clauses);
  }

  Position of() {
    return of;
  }

  List<KvBounds.Solved> clauses() {
    return clauses;
  }

  Region solve(Expr mask) {
    return solve(Simplify.simplify(mask), true);
  }

  /** Solves the predicate, or its negation. */
  private Region solve(Expr p, boolean wanted) {
    return switch (p) {
      case BoolConst(boolean v) -> Region.exact(uniform(new BoolConst(v == wanted)), "");
      case Unary(UnaryOp op, Expr x) -> solve(x, !wanted);
      case Binary(BinaryOp op, Expr a, Expr b) -> {
        boolean both = (op == BinaryOp.AND) == wanted;
        List<Equalities.Pair> known = new ArrayList<>(equal);
        if (both) {
          equalities(p, wanted).forEach(known::add);
        }
        MaskSolver inner = given(known);
        Region x = inner.solve(a, wanted);
        Region y = inner.solve(b, wanted);
        yield both ? x.and(y) : x.or(y);
      }
      case Select(Expr c, Expr a, Expr b) -> {
        Region x = solve(c, true).and(solve(a, wanted));
        yield x.or(solve(c, false).and(solve(b, wanted)));
      }
      case Reduce r when r.to() - r.from() <= MOST_TERMS && r.to() > r.from() -> {
        Region any = solve(term(r, r.from()), wanted);
        for (long i = r.from() + 1; i < r.to(); i++) {
          Region next = solve(term(r, i), wanted);
          any = wanted ? any.or(next) : any.and(next);
        }
        yield any;
      }
      default -> clause(p, wanted);
    };
  }

  /** The equalities that a predicate, or its negation, is a conjunction of, with others. */
  private Stream<Equalities.Pair> equalities(Expr p, boolean wanted) {
    return switch (p) {
      case Unary(UnaryOp op, Expr x) -> equalities(x, !wanted);
      case Binary(BinaryOp op, Expr a, Expr b) when (op == BinaryOp.AND) == wanted ->
          Stream.concat(equalities(a, wanted), equalities(b, wanted));
      case Compare(CompareOp op, Expr a, Expr b)
          when op == (wanted ? CompareOp.EQ : CompareOp.NE) && a.type() == ScalarType.INT ->
          Equalities.Pair.of(Affine.of(Exprs.sub(a, b)), facts).stream();
      default -> Stream.empty();
    };
  }

  private static Expr term(Reduce r, long i) {
    return Simplify.simplify(Exprs.substitute(r.body(), Map.of(r.variable(), new IntConst(i))));
  }

  private Region clause(Expr p, boolean wanted) {
    Expr stated = wanted ? p : Simplify.simplify(Exprs.not(p));
    // What the others are read under is read as it stands.
    boolean known = equalities(stated, true).anyMatch(equal::contains);
    Region region = (known ? given(List.of()) : this).atom(stated);
    boolean solved = region.full.isPresent() || !region.visit.isAll();
    clauses.add(
        new KvBounds.Solved(Exprs.print(stated), solved, solved ? region.text : region.why));
    return region;
  }

  private Region atom(Expr p) {
    if (!Facts.varies(p)) {
      return Region.exact(uniform(p), "the same for the whole tile");
    }
    if (p instanceof Compare(CompareOp op, Expr a, Expr b) && a.type() == ScalarType.INT) {
      try {
        return compare(op, Affine.of(Exprs.sub(a, b)));
      } catch (ArithmeticException tooLarge) {
        return unknown("its constants exceed 64 bits");
      }
    }
    Position last = Exprs.uses(p, of) ? of : across();
    return unknown("not a comparison of ints, so it is tested for each " + noun(last));
  }

  private Region compare(CompareOp op, Affine d) {
    return switch (op) {
      case LE -> solve(d);
      case LT -> solve(d.plus(1));
      case GE -> solve(d.times(-1));
      case GT -> solve(d.times(-1).plus(1));
      case EQ -> solve(d).and(solve(d.times(-1)));
      case NE -> solve(d.plus(1)).or(solve(d.times(-1).plus(1)));
    };
  }

  /** Solves {@code sum <= 0}. */
  private Region solve(Affine sum) {
    Affine d = sum;
    for (Equalities.Pair pair : equal) {
      d = pair.in(d);
    }
    if (d.isConstant()) {
      return Region.exact(uniform(new BoolConst(d.constant() <= 0)), "");
    }
    if (!d.uses(at::equals)) {
      return across(d);
    }
    for (Map.Entry<Expr, Long> t : d.terms().entrySet()) {
      Expr atom = t.getKey();
      if (Exprs.uses(atom, of)) {
        Affine rest = d.without(atom);
        switch (atom) {
          case Unary(UnaryOp op, Expr x) when op == UnaryOp.ABS -> {
            Affine inner = Affine.of(x);
            return choose(true, inner, inner.times(-1), t.getValue(), rest);
          }
          case Binary(BinaryOp op, Expr a, Expr b)
              when op == BinaryOp.MAX || op == BinaryOp.MIN -> {
            return choose(op == BinaryOp.MAX, Affine.of(a), Affine.of(b), t.getValue(), rest);
          }
          default -> {}
        }
      }
    }
    Expr atom = d.only(at::equals);
    if (atom == null) {
      return unknown(of.keyword() + " occurs in several terms");
    }
    long factor = d.coefficient(atom);
    Affine rest = d.without(atom);
    return switch (atom) {
      case At p -> alone(factor, rest);
      case Binary(BinaryOp op, Expr x, Expr n) when op == BinaryOp.FLOOR_DIV ->
          quotient(x, n, factor, rest);
      case Binary(BinaryOp op, Expr x, IntConst(long n)) when op == BinaryOp.SHR && n < 32 ->
          quotient(x, new IntConst(1L << Math.max(0, n)), factor, rest);
      case Gather g when searchable(g) -> sorted(g, factor, rest);
      default -> unknown(of.keyword() + " stands inside " + Exprs.print(atom));
    };
  }

  /**
   * Whether a row of the tensor is sorted, has an entry, and is the same for all that is solved.
   */
  private boolean searchable(Gather g) {
    TensorDecl tensor = facts.spec().tensor(g.tensor()).orElseThrow();
    Ranges sizes = facts.ranges();
    for (Extent e : Extent.values()) {
      sizes = sizes.with(e, new Interval(1, sizes.integer(new Expr.Size(e)).hi()));
    }
    List<Expr> row = g.indices().subList(0, g.indices().size() - 1);
    return searches
        && tensor.nondecreasing()
        && tensor.shape().stream().map(sizes::integer).allMatch(n -> n.lo() >= 1)
        && row.stream().noneMatch(i -> Exprs.uses(i, of))
        && facts.ranges().integer(g.indices().getLast()).hi() < Search.NOWHERE;
  }

  /** {@code factor·tensor[row, x] + rest <= 0}, with x where the tensor is sorted. */
  private Region sorted(Gather g, long factor, Affine rest) {
    List<Expr> row = g.indices().subList(0, g.indices().size() - 1);
    Expr x = g.indices().getLast();
    boolean fromStart = facts.ranges().integer(x).lo() >= 0;
    Affine index = Affine.of(fromStart ? x : Exprs.max(x, new IntConst(0)));
    Affine bound = factor > 0 ? rest.times(-1) : rest.plus(-factor - 1);
    Affine value = Affine.of(floorDiv(bound, Math.abs(factor))).plus(factor > 0 ? 1 : 0);
    Expr found = new Search(g.tensor(), row, Simplify.simplify(value.expr()));
    Affine beyond = index.minus(Affine.of(found));
    return solve(factor > 0 ? beyond.plus(1) : beyond.times(-1));
  }

  /** {@code factor·max(a, b) + rest <= 0}, or with min. */
  private Region choose(boolean max, Affine a, Affine b, long factor, Affine rest) {
    Region x = solve(rest.plus(a.times(factor)));
    Region y = solve(rest.plus(b.times(factor)));
    return max == factor > 0 ? x.and(y) : x.or(y);
  }

  /** {@code factor·(x // n) + rest <= 0}. */
  private Region quotient(Expr x, Expr n, long factor, Affine rest) {
    if (Facts.varies(n) || facts.ranges().integer(n).lo() < 1) {
      return unknown("not known to divide by a positive number: " + Exprs.print(n));
    }
    Affine divisor = Affine.of(n);
    if (factor > 0) {
      Affine quotient = Affine.of(floorDiv(rest.times(-1), factor));
      Affine below = times(quotient, divisor, n);
      return solve(Affine.of(x).minus(below).minus(divisor).plus(1)); // x <= n·m + n − 1
    }
    Affine quotient = Affine.of(floorDiv(rest.plus(-factor - 1), -factor));
    return solve(times(quotient, divisor, n).minus(Affine.of(x))); // x >= n·m
  }

  private static Affine times(Affine a, Affine divisor, Expr n) {
    return divisor.isConstant()
        ? a.times(divisor.constant())
        : Affine.of(Simplify.simplify(Exprs.mul(a.expr(), n)));
  }

  /** {@code factor·kv + rest <= 0}. */
  private Region alone(long factor, Affine rest) {
    boolean upper = factor > 0;
    long c = Math.abs(factor);
    // kv <= floor(−rest / c), or kv >= ceil(rest / c) = floor((rest + c − 1) / c).
    Affine bound = upper ? rest.times(-1) : rest.plus(c - 1);
    Optional<Expr> most = extremes.most(bound).map(e -> floorDiv(Affine.of(e), c));
    Optional<Expr> least = extremes.least(bound).map(e -> floorDiv(Affine.of(e), c));
    if (most.isEmpty() && least.isEmpty()) {
      return unknown("its bound over the %ss of a tile is not known".formatted(noun(across())));
    }
    String text =
        of.keyword()
            + (upper ? " <= " : " >= ")
            + Exprs.print(Simplify.simplify(floorDiv(bound, c)));
    KeyRange visit = upper ? KeyRange.to(count, most) : KeyRange.from(count, least);
    Optional<KeyRange> full =
        upper
            ? least.map(e -> KeyRange.to(count, Optional.of(e)))
            : most.map(e -> KeyRange.from(count, Optional.of(e)));
    String why = "its bound over all %ss of a tile is not known".formatted(noun(across()));
    return new Region(visit, full, why, text);
  }

  /** {@code d <= 0} where d depends on the row but not on the key. */
  private Region across(Affine d) {
    if (!Facts.varies(d.expr())) {
      return Region.exact(uniform(d.notPositive()), Exprs.print(d.notPositive()));
    }
    Optional<Expr> least = extremes.least(d);
    Optional<Expr> most = extremes.most(d);
    if (least.isEmpty() && most.isEmpty()) {
      return unknown(
          "it depends on the %s in a way that has no known bounds".formatted(noun(across())));
    }
    return new Region(
        KeyRange.when(count, least.map(e -> Affine.of(e).notPositive())),
        most.map(e -> KeyRange.when(count, Optional.of(Affine.of(e).notPositive()))),
        "its truth for all %ss of a tile is not known".formatted(noun(across())),
        "for %ss with %s".formatted(noun(across()), Exprs.print(d.notPositive())));
  }

  private Region unknown(String why) {
    return new Region(KeyRange.all(count), Optional.empty(), why, "");
  }

  /** The other of q and kv. */
  private Position across() {
    return of == Position.KV ? Position.Q : Position.KV;
  }

  private static String noun(Position p) {
    return p == Position.KV ? "key" : "row";
  }

  private KeyRange uniform(Expr condition) {
    return KeyRange.when(count, Optional.of(condition));
  }

  private static Expr floorDiv(Affine a, long c) {
    return c == 1 ? a.expr() : new Binary(BinaryOp.FLOOR_DIV, a.expr(), new IntConst(c));
  }
}
