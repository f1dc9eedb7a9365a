package dev.attune.compiler.analysis;

import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.BinaryOp;
import dev.attune.compiler.spec.Bindings;
import dev.attune.compiler.spec.CompareOp;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Expr.At;
import dev.attune.compiler.spec.Expr.Binary;
import dev.attune.compiler.spec.Expr.BoolConst;
import dev.attune.compiler.spec.Expr.Compare;
import dev.attune.compiler.spec.Expr.FloatConst;
import dev.attune.compiler.spec.Expr.Gather;
import dev.attune.compiler.spec.Expr.IntConst;
import dev.attune.compiler.spec.Expr.Param;
import dev.attune.compiler.spec.Expr.Reduce;
import dev.attune.compiler.spec.Expr.Scale;
import dev.attune.compiler.spec.Expr.Score;
import dev.attune.compiler.spec.Expr.Search;
import dev.attune.compiler.spec.Expr.Select;
import dev.attune.compiler.spec.Expr.Size;
import dev.attune.compiler.spec.Expr.Unary;
import dev.attune.compiler.spec.Expr.Var;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.Extent;
import dev.attune.compiler.spec.NdArray;
import dev.attune.compiler.spec.ParamDecl;
import dev.attune.compiler.spec.Position;
import dev.attune.compiler.spec.ScalarType;
import dev.attune.compiler.spec.Shape;
import dev.attune.compiler.spec.TensorDecl;
import dev.attune.compiler.spec.UnaryOp;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * What the leaves of expressions may be, and from that what expressions may be. Every answer covers
 * every element that the leaves admit. Immutable: {@code with} returns a copy.
 */
public final class Ranges {
  /** The most elements along b, and the most heads: a launch's grid has 16 bits for them. */
  public static final int MAX_GRID = 65535;

  private static final int LARGEST_BOX = 4096;

  private final Map<Position, Interval> positions;
  private final Map<Extent, Interval> sizes;
  private final Map<String, FloatRange> params;
  private final Map<String, FloatRange> declared;
  private final Map<String, NdArray> bound;
  private final Map<Integer, Interval> variables;
  private final Optional<Expr> step;

  /** Answers given before: an expression is asked for again and again with what it is part of. */
  private final Map<Expr, Interval> found = new ConcurrentHashMap<>();

  private Ranges(
      Map<Position, Interval> positions,
      Map<Extent, Interval> sizes,
      Map<String, FloatRange> params,
      Map<String, FloatRange> declared,
      Map<String, NdArray> bound,
      Map<Integer, Interval> variables,
      Optional<Expr> step) {
    this.positions = positions;
    this.sizes = sizes;
    this.params = params;
    this.declared = declared;
    this.bound = bound;
    this.variables = variables;
    this.step = step;
  }

  /**
   * Everything a launch of the spec may be: sequences up to {@link Shape#MAX_SEQ}, params in their
   * declared range, tensors with the declared facts. The variables of {@link KvBounds} are
   * positions; there are no more tiles than keys.
   */
  public static Ranges worstCase(AttentionSpec spec) {
    Map<Position, Interval> positions = new LinkedHashMap<>();
    for (Position p : Position.values()) {
      boolean sequence = p == Position.Q || p == Position.KV;
      positions.put(p, new Interval(0, sequence ? Shape.MAX_SEQ - 1 : MAX_GRID - 1));
    }
    Map<Extent, Interval> sizes = new LinkedHashMap<>();
    for (Extent x : Extent.values()) {
      sizes.put(
          x,
          switch (x) {
            case SQ, SKV -> new Interval(0, Shape.MAX_SEQ);
            case B -> new Interval(0, MAX_GRID);
            case HQ, HKV, GROUP, DQK, DV -> new Interval(1, MAX_GRID);
          });
    }
    Map<String, FloatRange> params = new LinkedHashMap<>();
    for (ParamDecl p : spec.params()) {
      double limit = p.type() == ScalarType.INT ? ParamDecl.INT_LIMIT : Double.POSITIVE_INFINITY;
      double low = Math.clamp(p.range().low(), -limit, limit);
      double high = Math.clamp(p.range().high(), -limit, limit);
      params.put(
          p.name(),
          low <= high ? new FloatRange(low, high, false) : new FloatRange(-limit, limit, false));
    }
    Interval row = new Interval(0, Shape.MAX_SEQ - 1);
    return new Ranges(
            positions,
            sizes,
            params,
            declared(spec.tensors()),
            Map.of(),
            Map.of(
                KvBounds.Q_FIRST.id(), row,
                KvBounds.Q_LAST.id(), row,
                KvBounds.PART_FIRST.id(), row,
                KvBounds.PART_LAST.id(), row,
                KvBounds.KV_FIRST.id(), row,
                KvBounds.KV_LAST.id(), row,
                TestedTiles.LIVE.id(), row,
                TestedTiles.FULL.id(), row),
            spec.step())
        .with(Residues.RESIDUE, row)
        .with(Residues.QUERIES, new Interval(0, Shape.MAX_SEQ))
        .with(Residues.KEYS, new Interval(0, Shape.MAX_SEQ));
  }

  /** One launch: every size, param and tensor known, positions anywhere in the problem. */
  public static Ranges of(AttentionSpec spec, Bindings bindings) {
    Ranges r = worstCase(spec);
    Shape shape = bindings.shape();
    Map<Extent, Interval> sizes = new LinkedHashMap<>();
    for (Extent x : Extent.values()) {
      sizes.put(x, Interval.of(shape.extent(x)));
    }
    Map<Position, Interval> positions = new LinkedHashMap<>();
    for (Position p : Position.values()) {
      int extent = shape.extent(extent(p));
      positions.put(p, new Interval(0, Math.max(0, extent - 1)));
    }
    Map<String, FloatRange> params = new LinkedHashMap<>(r.params);
    bindings.params().forEach((name, value) -> params.put(name, FloatRange.of(value)));
    return new Ranges(
        positions, sizes, params, r.declared, bindings.tensors(), r.variables, r.step);
  }

  private static Map<String, FloatRange> declared(List<TensorDecl> tensors) {
    Map<String, FloatRange> ranges = new LinkedHashMap<>();
    for (TensorDecl t : tensors) {
      Optional<ParamDecl.Range> range = t.range();
      if (range.isPresent()) {
        ranges.put(t.name(), new FloatRange(range.get().low(), range.get().high(), false));
      }
    }
    return ranges;
  }

  /** The size that a position is below. */
  public static Extent extent(Position p) {
    return switch (p) {
      case B -> Extent.B;
      case H -> Extent.HQ;
      case HKV -> Extent.HKV;
      case Q -> Extent.SQ;
      case KV -> Extent.SKV;
    };
  }

  /** With one position in an interval. Setting {@code h} also narrows {@code hkv}. */
  public Ranges with(Position p, Interval interval) {
    Map<Position, Interval> changed = new LinkedHashMap<>(positions);
    changed.put(p, interval);
    if (p == Position.H) {
      Interval hkv = interval.floorDiv(integer(new Size(Extent.GROUP)));
      changed.put(Position.HKV, integer(new At(Position.HKV)).refine(hkv));
    }
    return new Ranges(changed, sizes, params, declared, bound, variables, step);
  }

  /** With one size in an interval. */
  public Ranges with(Extent x, Interval interval) {
    Map<Extent, Interval> changed = new LinkedHashMap<>(sizes);
    changed.put(x, interval);
    return new Ranges(positions, changed, params, declared, bound, variables, step);
  }

  /** With one variable in an interval. */
  public Ranges with(Var v, Interval interval) {
    Map<Integer, Interval> changed = new LinkedHashMap<>(variables);
    changed.put(v.id(), interval);
    return new Ranges(positions, sizes, params, declared, bound, changed, step);
  }

  /** The values of an int expression. */
  public Interval integer(Expr e) {
    if (Exprs.children(e).isEmpty()) {
      return values(e);
    }
    Interval known = found.get(e);
    if (known == null) {
      known = values(e);
      found.put(e, known);
    }
    return known;
  }

  private Interval values(Expr e) {
    return switch (e) {
      case IntConst(long value) -> Interval.of(value);
      case At(Position p) -> positions.getOrDefault(p, Interval.ALL);
      case Size(Extent x) -> sizes.getOrDefault(x, Interval.ALL);
      case Param(String name, ScalarType type) -> whole(params.get(name), Interval.ALL);
      case Gather g -> whole(gather(g), new Interval(Integer.MIN_VALUE, Integer.MAX_VALUE));
      case Search s -> new Interval(0, Search.NOWHERE);
      case Var(int id) -> variables.getOrDefault(id, Interval.ALL);
      case Unary u ->
          switch (u.op()) {
            case NEG -> affine(e);
            case ABS -> integer(u.x()).abs();
            case BIT_NOT -> integer(u.x()).bitNot();
            case TO_INT -> real(u.x()).truncated();
            default -> Interval.ALL;
          };
      case Binary n ->
          switch (n.op()) {
            case ADD, SUB, MUL, SHL -> affine(e);
            default -> binary(n.op(), n.a(), n.b());
          };
      case Select(Expr c, Expr a, Expr b) ->
          switch (bool(c)) {
            case ALWAYS -> integer(a);
            case NEVER -> integer(b);
            case MAYBE -> integer(a).join(integer(b));
          };
      case Reduce r -> {
        Interval sum = Interval.of(0);
        for (long i = r.from(); i < r.to(); i++) {
          sum = sum.add(with(r.variable(), Interval.of(i)).integer(r.body()));
        }
        yield sum;
      }
      case FloatConst f -> throw mistyped(f);
      case BoolConst f -> throw mistyped(f);
      case Score f -> throw mistyped(f);
      case Scale f -> throw mistyped(f);
      case Compare f -> throw mistyped(f);
    };
  }

  private Interval affine(Expr e) {
    Affine sum = Affine.of(e);
    if (sum.terms().containsKey(e)) {
      return e instanceof Binary(BinaryOp op, Expr a, Expr b)
          ? binary(op, a, b)
          : e instanceof Unary u ? integer(u.x()).negate() : Interval.ALL;
    }
    return integer(sum);
  }

  /** The values of a sum. */
  Interval integer(Affine sum) {
    Interval total = Interval.of(sum.constant());
    for (Map.Entry<Expr, Long> t : sum.terms().entrySet()) {
      total = total.add(integer(t.getKey()).mul(Interval.of(t.getValue())));
    }
    return total;
  }

  private Interval binary(BinaryOp op, Expr a, Expr b) {
    Interval x = integer(a);
    Interval y = integer(b);
    return switch (op) {
      case ADD -> x.add(y);
      case SUB -> x.sub(y);
      case MUL ->
          a.equals(b)
              ? x.abs().mul(x.abs())
              : multiple(a, b).or(() -> stepped(a, b)).map(x.mul(y)::refine).orElse(x.mul(y));
      case FLOOR_DIV -> x.floorDiv(y);
      case FLOOR_MOD -> x.floorMod(y);
      case MIN -> x.min(y);
      case MAX -> x.max(y);
      case BIT_AND -> x.bitAnd(y);
      case BIT_OR -> x.bitOr(y);
      case BIT_XOR -> x.bitXor(y);
      case SHL -> x.shl(y);
      case SHR -> x.shr(y);
      case DIV, POW, AND, OR -> Interval.ALL;
    };
  }

  /** What {@code (x // n) · n} is of x: no more, and less by less than n. */
  private Optional<Interval> multiple(Expr a, Expr b) {
    if (a instanceof Binary(BinaryOp op, Expr x, Expr n)
        && op == BinaryOp.FLOOR_DIV
        && n.equals(b)
        && integer(n).lo() >= 1) {
      Interval less = new Interval(0, integer(n).hi()).sub(Interval.of(1));
      return Optional.of(integer(x).sub(new Interval(0, Math.max(0, less.hi()))));
    }
    return Optional.empty();
  }

  /** What positions of a residue class are in its sequence, less the class, and their distances. */
  private Optional<Interval> stepped(Expr a, Expr b) {
    return step.filter(b::equals).flatMap(n -> positions(a));
  }

  private Optional<Interval> positions(Expr e) {
    return switch (e) {
      case At(Position p) when p == Position.Q || p == Position.KV ->
          Optional.of(new Interval(0, Shape.MAX_SEQ - 1));
      case Unary(UnaryOp op, Expr x) when op == UnaryOp.ABS -> positions(x).map(Interval::abs);
      case Unary(UnaryOp op, Expr x) when op == UnaryOp.NEG -> positions(x).map(Interval::negate);
      case Binary(BinaryOp op, Expr x, Expr y) when op == BinaryOp.SUB ->
          positions(x).flatMap(i -> positions(y).map(i::sub));
      case Binary(BinaryOp op, Expr x, Expr y) when op == BinaryOp.MIN || op == BinaryOp.MAX ->
          positions(x).flatMap(i -> positions(y).map(i::join));
      default -> Optional.empty();
    };
  }

  /** The values of a float expression. */
  public FloatRange real(Expr e) {
    return switch (e) {
      case FloatConst(double value) -> FloatRange.of(value);
      case Score s -> FloatRange.ALL;
      case Scale s -> new FloatRange(0, Double.POSITIVE_INFINITY, false);
      case Param(String name, ScalarType type) -> params.getOrDefault(name, FloatRange.ALL);
      case Gather g -> gather(g).orElse(FloatRange.ALL);
      case Unary(UnaryOp op, Expr x) ->
          op == UnaryOp.TO_FLOAT ? FloatRange.of(integer(x)) : real(x).unary(op);
      case Binary(BinaryOp op, Expr a, Expr b) -> real(a).binary(op, real(b));
      case Select(Expr c, Expr a, Expr b) ->
          switch (bool(c)) {
            case ALWAYS -> real(a);
            case NEVER -> real(b);
            case MAYBE -> real(a).join(real(b));
          };
      case Reduce r -> {
        FloatRange sum = FloatRange.of(0.0);
        for (long i = r.from(); i < r.to(); i++) {
          sum = sum.binary(BinaryOp.ADD, with(r.variable(), Interval.of(i)).real(r.body()));
        }
        yield sum;
      }
      case IntConst f -> throw mistyped(f);
      case BoolConst f -> throw mistyped(f);
      case At f -> throw mistyped(f);
      case Size f -> throw mistyped(f);
      case Var f -> throw mistyped(f);
      case Search f -> throw mistyped(f);
      case Compare f -> throw mistyped(f);
    };
  }

  /** What is known of a bool expression. */
  public Truth bool(Expr e) {
    return switch (e) {
      case BoolConst(boolean value) -> Truth.of(value);
      case Param(String name, ScalarType type) -> truth(params.getOrDefault(name, FloatRange.ALL));
      case Gather g -> truth(gather(g).orElse(FloatRange.ALL));
      case Unary(UnaryOp op, Expr x) -> bool(x).not();
      case Binary(BinaryOp op, Expr a, Expr b) ->
          op == BinaryOp.AND ? bool(a).and(bool(b)) : bool(a).or(bool(b));
      case Compare(CompareOp op, Expr a, Expr b) ->
          switch (a.type()) {
            case INT -> Truth.compareWithZero(op, integer(Exprs.sub(a, b)));
            case FLOAT -> real(a).compare(op, real(b));
            case BOOL -> {
              Truth x = bool(a);
              Truth y = bool(b);
              boolean known = x != Truth.MAYBE && y != Truth.MAYBE;
              yield known ? Truth.of((x == y) == (op == CompareOp.EQ)) : Truth.MAYBE;
            }
          };
      case Select(Expr c, Expr a, Expr b) ->
          switch (bool(c)) {
            case ALWAYS -> bool(a);
            case NEVER -> bool(b);
            case MAYBE -> bool(a).join(bool(b));
          };
      case Reduce r -> {
        Truth any = Truth.NEVER;
        for (long i = r.from(); i < r.to() && any != Truth.ALWAYS; i++) {
          any = any.or(with(r.variable(), Interval.of(i)).bool(r.body()));
        }
        yield any;
      }
      case IntConst f -> throw mistyped(f);
      case FloatConst f -> throw mistyped(f);
      case Score f -> throw mistyped(f);
      case Scale f -> throw mistyped(f);
      case At f -> throw mistyped(f);
      case Size f -> throw mistyped(f);
      case Var f -> throw mistyped(f);
      case Search f -> throw mistyped(f);
    };
  }

  private static Truth truth(FloatRange r) {
    return r.lo() == 0 && r.hi() == 0
        ? Truth.NEVER
        : r.lo() > 0 || r.hi() < 0 ? Truth.ALWAYS : Truth.MAYBE;
  }

  private static Interval whole(Optional<FloatRange> range, Interval otherwise) {
    return range.isPresent() ? whole(range.get(), otherwise) : otherwise;
  }

  private static Interval whole(@Nullable FloatRange r, Interval otherwise) {
    if (r == null || Math.ceil(r.lo()) > Math.floor(r.hi())) {
      return otherwise;
    }
    return new Interval((long) Math.ceil(r.lo()), (long) Math.floor(r.hi()));
  }

  /** What a gather may read: from its elements where the tensor is bound, else what is declared. */
  private Optional<FloatRange> gather(Gather g) {
    NdArray tensor = bound.get(g.tensor());
    if (tensor == null || NdArray.count(tensor.shape()) == 0) {
      return Optional.ofNullable(declared.get(g.tensor()));
    }
    int[] shape = tensor.shape();
    int[] from = new int[shape.length];
    int[] count = new int[shape.length];
    for (int d = 0; d < shape.length; d++) {
      Interval index = integer(g.indices().get(d));
      from[d] = Math.clamp(index.lo(), 0, shape[d] - 1);
      count[d] = Math.clamp(index.hi(), 0, shape[d] - 1) - from[d] + 1;
    }
    if (NdArray.count(count) > LARGEST_BOX) {
      FloatRange range = declared.get(g.tensor());
      return Optional.of(range != null ? range : box(tensor, new int[shape.length], shape));
    }
    return Optional.of(box(tensor, from, count));
  }

  /** The values in a box of a tensor. */
  private static FloatRange box(NdArray tensor, int[] from, int[] count) {
    int[] shape = tensor.shape();
    long elements = NdArray.count(count);
    double lo = Double.POSITIVE_INFINITY;
    double hi = Double.NEGATIVE_INFINITY;
    for (long i = 0; i < elements; i++) {
      long rest = i;
      long linear = 0;
      long stride = 1;
      for (int d = shape.length - 1; d >= 0; d--) {
        linear += (from[d] + rest % count[d]) * stride;
        rest /= count[d];
        stride *= shape[d];
      }
      double value = tensor.number((int) linear);
      if (Double.isNaN(value)) {
        return FloatRange.ALL;
      }
      lo = Math.min(lo, value);
      hi = Math.max(hi, value);
    }
    return new FloatRange(lo, hi, false);
  }

  private static IllegalArgumentException mistyped(Expr e) {
    return new IllegalArgumentException("an expression of type " + e.type() + ": " + e);
  }
}
