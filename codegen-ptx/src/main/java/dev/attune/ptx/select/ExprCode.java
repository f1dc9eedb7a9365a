package dev.attune.ptx.select;

import static java.util.Objects.requireNonNull;

import dev.attune.compiler.analysis.FloatRange;
import dev.attune.compiler.analysis.IntRanges;
import dev.attune.compiler.analysis.Interval;
import dev.attune.compiler.analysis.Ranges;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.BinaryOp;
import dev.attune.compiler.spec.CompareOp;
import dev.attune.compiler.spec.Eval;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.Position;
import dev.attune.compiler.spec.ScalarType;
import dev.attune.compiler.spec.UnaryOp;
import dev.attune.compiler.tile.Lowering;
import dev.attune.ptx.Inst;
import dev.attune.ptx.Inst.FloatOp;
import dev.attune.ptx.Inst.FloatUnary;
import dev.attune.ptx.Inst.IntOp;
import dev.attune.ptx.Inst.PredOp;
import dev.attune.ptx.Inst.Ty;
import dev.attune.ptx.Operand;
import dev.attune.ptx.Operand.FloatConst;
import dev.attune.ptx.Operand.IntConst;
import dev.attune.ptx.Reg;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Instructions for scalar expressions: ints in 32 bits where the analysis shows that they suffice,
 * in 64 elsewhere; floats in binary32. Reductions must be unrolled before ({@link Unroll}).
 */
public final class ExprCode {
  private static final Interval SAFE_DIFFERENCE =
      new Interval(-(1L << 31) + (1L << 20), (1L << 31) - (1L << 20));

  private final Emitter emit;
  private final Env env;
  private final IntRanges ranges;
  private final Ranges insideLoops;
  private final FloatCode floats;
  private final DivisionCode divisions;
  private final GatherCode gathers;
  private final Map<Expr, Boolean> narrow = new HashMap<>();

  /** Code for expressions of a spec, appended to the emitter. */
  public ExprCode(Emitter emit, AttentionSpec spec, Env env) {
    this(emit, spec, env, null);
  }

  /** The same with searches, for what a whole warp evaluates. */
  ExprCode(Emitter emit, AttentionSpec spec, Env env, @Nullable SortedSearch search) {
    this.emit = emit;
    this.env = env;
    this.ranges = IntRanges.of(spec);
    this.insideLoops = GatherCode.ranges(spec, 1);
    this.floats = new FloatCode(emit);
    this.divisions = new DivisionCode(emit);
    this.gathers = new GatherCode(emit, spec, env, this, search);
  }

  /** The parts of an unrolled mask. */
  MaskParts maskParts(Expr predicate) {
    return MaskParts.of(predicate, ranges);
  }

  /** The keys of an unrolled predicate as a set, if it is one. */
  Optional<ColumnBits> columnBits(Expr predicate) {
    return ColumnBits.of(predicate, ranges);
  }

  /** The elements of captured tensors. */
  GatherCode gathers() {
    return gathers;
  }

  /** A bool: a predicate register, or a constant. */
  public sealed interface Bool {
    record Known(boolean value) implements Bool {}

    record Held(Reg reg) implements Bool {}
  }

  /** Whether an expression is the same for all rows and keys of an item. */
  boolean uniform(Expr e) {
    return Lowering.uniform(e)
        && (env.h() != null || !Exprs.uses(e, new Expr.At(Position.H)::equals));
  }

  /** Computes what of the expression is uniform, so that later code finds it. */
  public void hoistUniform(Expr e) {
    if (!uniform(e)) {
      Exprs.children(e).forEach(this::hoistUniform);
      if (e instanceof Expr.Binary b
          && (b.op() == BinaryOp.FLOOR_DIV || b.op() == BinaryOp.FLOOR_MOD)
          && uniform(b.b())) {
        hoistReciprocal(b);
      }
      return;
    }
    switch (e.type()) {
      case INT -> integer(e, Site.UNIFORM);
      case FLOAT -> real(e, Site.UNIFORM);
      case BOOL -> bool(e, Site.UNIFORM);
    }
  }

  /** Loads what the expression gathers by row, so that later code finds it. */
  public void hoistRowGathers(Expr e, Site row) {
    boolean byRow =
        e instanceof Expr.Gather
            && !uniform(e)
            && !Exprs.uses(e, Position.KV)
            && !Exprs.uses(e, x -> x instanceof Expr.Score);
    if (!byRow) {
      Exprs.children(e).forEach(child -> hoistRowGathers(child, row));
    } else if (e.type() == ScalarType.BOOL) {
      // Predicate registers are few: the byte is kept, the comparison repeated.
      gathers.load((Expr.Gather) e, row);
    } else if (e.type() == ScalarType.INT) {
      integer(e, row);
    } else {
      real(e, row);
    }
  }

  /** The value of an int expression in one register of 32 bits, saturated to them. */
  public Reg narrowRegister(Expr e, Site site) {
    IntVal value = integer(e, site);
    if (!value.wide()) {
      return emit.reg(operand(value), Reg.Kind.B32);
    }
    Operand low = emit.arith(IntOp.MAX, Ty.S64, operand(value), new IntConst(Integer.MIN_VALUE));
    Operand both = emit.arith(IntOp.MIN, Ty.S64, low, new IntConst(Integer.MAX_VALUE));
    return emit.convert(Inst.Conversion.S32_FROM_S64, both);
  }

  /** The value of an int expression. */
  public IntVal integer(Expr e, Site site) {
    return switch (e) {
      case Expr.IntConst(long value) -> IntVal.of(value);
      case Expr.At(Position p) ->
          switch (p) {
            case B -> IntVal.of(env.b());
            case H -> site.h() != null ? site.h() : IntVal.of(requireNonNull(env.h(), "one head"));
            case HKV -> IntVal.of(env.hkv());
            case Q -> requireNonNull(site.q(), "a query position");
            case KV -> requireNonNull(site.kv(), "a key position");
          };
      case Expr.Size(var extent) ->
          switch (requireNonNull(env.sizes().get(extent))) {
            case Reg r -> IntVal.of(r);
            case IntConst(long value) -> IntVal.of(value);
            case FloatConst f -> throw new IllegalStateException("a float extent");
          };
      case Expr.Param p -> IntVal.of(requireNonNull(env.params().get(p.name())));
      case Expr.Var v -> IntVal.of(requireNonNull(env.tile().get(v), "a variable of the tile"));
      case Expr.Gather g -> IntVal.of(gathers.load(g, site));
      case Expr.Search s -> IntVal.of(gathers.search(s, site));
      case Expr.Unary(UnaryOp op, Expr x) -> unary(op, x, site, !fits(e));
      case Expr.Binary b -> binary(b, site);
      case Expr.Select(Expr c, Expr x, Expr y) ->
          switch (bool(c, site)) {
            case Bool.Known(boolean value) -> integer(value ? x : y, site);
            case Bool.Held(Reg p) -> {
              IntVal a = integer(x, site);
              IntVal b = integer(y, site);
              boolean wide = a.wide() || b.wide();
              yield IntVal.of(
                  emit.select(kind(wide), p, operand(widen(a, wide)), operand(widen(b, wide))));
            }
          };
      default -> throw new IllegalArgumentException("not an int expression: " + e);
    };
  }

  /** The value of a float expression. */
  public Operand real(Expr e, Site site) {
    return switch (e) {
      case Expr.FloatConst(double value) -> new FloatConst((float) value);
      case Expr.Score s -> requireNonNull(site.score(), "a score");
      case Expr.Scale s -> env.scale();
      case Expr.Binary(BinaryOp op, Expr.Scale s, Expr.FloatConst(double c))
          when op == BinaryOp.MUL && c == Lowering.LOG2E ->
          env.scaleLog2e();
      case Expr.Param p -> requireNonNull(env.params().get(p.name()));
      case Expr.Gather g -> gathers.load(g, site);
      case Expr.Unary(UnaryOp op, Expr x) when op == UnaryOp.TO_FLOAT -> toFloat(x, site);
      case Expr.Unary(UnaryOp op, Expr x) -> floats.unary(op, real(x, site));
      case Expr.Binary b -> realBinary(b, site);
      case Expr.Select(Expr c, Expr x, Expr y) ->
          switch (bool(c, site)) {
            case Bool.Known(boolean value) -> real(value ? x : y, site);
            case Bool.Held(Reg p) -> emit.select(Reg.Kind.F32, p, real(x, site), real(y, site));
          };
      default -> throw new IllegalArgumentException("not a float expression: " + e);
    };
  }

  /** The code of single functions. */
  FloatCode functions() {
    return floats;
  }

  /** The value of a bool expression. */
  public Bool bool(Expr e, Site site) {
    return switch (e) {
      case Expr.BoolConst(boolean value) -> new Bool.Known(value);
      case Expr.Param p -> nonZero(requireNonNull(env.params().get(p.name())));
      case Expr.Gather g -> nonZero(gathers.load(g, site));
      case Expr.Unary(UnaryOp op, Expr x) -> not(bool(x, site));
      case Expr.Binary(BinaryOp op, Expr x, Expr y) ->
          op == BinaryOp.AND
              ? and(bool(x, site), bool(y, site))
              : not(and(not(bool(x, site)), not(bool(y, site))));
      case Expr.Compare c -> compare(c, site);
      case Expr.Select(Expr c, Expr x, Expr y) -> {
        Bool p = bool(c, site);
        Bool both = and(p, bool(x, site));
        Bool neither = and(not(p), bool(y, site));
        yield or(both, neither);
      }
      default -> throw new IllegalArgumentException("not a bool expression: " + e);
    };
  }

  /** The operand of an int in its own width. */
  public Operand operand(IntVal v) {
    if (v.constant()) {
      return v.offsetOperand();
    }
    Reg base = requireNonNull(v.base());
    return v.offset() == 0 ? base : emit.arith(IntOp.ADD, type(v.wide()), base, v.offsetOperand());
  }

  /** {@code a and b}. */
  public Bool and(Bool a, Bool b) {
    if (a instanceof Bool.Known(boolean x)) {
      return x ? b : a;
    }
    if (b instanceof Bool.Known(boolean y)) {
      return y ? a : b;
    }
    return new Bool.Held(emit.logic(PredOp.AND, held(a), held(b)));
  }

  private Bool or(Bool a, Bool b) {
    if (a instanceof Bool.Known(boolean x)) {
      return x ? a : b;
    }
    if (b instanceof Bool.Known(boolean y)) {
      return y ? b : a;
    }
    return new Bool.Held(emit.logic(PredOp.OR, held(a), held(b)));
  }

  private Bool not(Bool a) {
    return switch (a) {
      case Bool.Known(boolean value) -> new Bool.Known(!value);
      case Bool.Held(Reg r) -> new Bool.Held(emit.not(r));
    };
  }

  private static Reg held(Bool a) {
    return ((Bool.Held) a).reg();
  }

  /** A bit of a word. */
  Bool bit(Operand word, int index) {
    return switch (emit.arith(IntOp.AND, Ty.B32, word, new IntConst(1L << index))) {
      case IntConst(long value) -> new Bool.Known(value != 0);
      case Reg r -> nonZero(r);
      case FloatConst f -> throw new IllegalStateException("a float");
    };
  }

  private Bool nonZero(Reg r) {
    return new Bool.Held(emit.compare(CompareOp.NE, Ty.S32, r, new IntConst(0)));
  }

  private Bool compare(Expr.Compare c, Site site) {
    return switch (c.a().type()) {
      case FLOAT ->
          new Bool.Held(emit.compare(c.op(), Ty.F32, real(c.a(), site), real(c.b(), site)));
      case BOOL -> {
        Bool a = bool(c.a(), site);
        Bool b = bool(c.b(), site);
        Bool differ = or(and(a, not(b)), and(not(a), b));
        yield c.op() == CompareOp.NE ? differ : not(differ);
      }
      case INT -> compareInts(c, site);
    };
  }

  private Bool compareInts(Expr.Compare c, Site site) {
    IntVal a = integer(c.a(), site);
    IntVal b = integer(c.b(), site);
    if (a.constant() && b.constant()) {
      return new Bool.Known(Eval.compare(c.op(), Long.compare(a.offset(), b.offset())));
    }
    boolean wide = a.wide() || b.wide();
    a = widen(a, wide);
    b = widen(b, wide);
    boolean shared = a.offset() != 0 || b.offset() != 0;
    Interval difference = ranges.of(Exprs.sub(c.a(), c.b()));
    long constant = b.offset() - a.offset();
    if (shared && difference.within(SAFE_DIFFERENCE) && Math.abs(constant) < 1 << 20) {
      // base(a) − base(b) is common to the elements of a fragment; only the constant differs.
      if (b.constant()) {
        return new Bool.Held(
            emit.compare(c.op(), type(wide), requireNonNull(a.base()), new IntConst(constant)));
      }
      if (a.constant()) {
        return new Bool.Held(
            emit.compare(
                c.op().swapped(), type(wide), requireNonNull(b.base()), new IntConst(-constant)));
      }
      Operand t =
          emit.arith(IntOp.SUB, type(wide), requireNonNull(a.base()), requireNonNull(b.base()));
      return new Bool.Held(emit.compare(c.op(), type(wide), t, new IntConst(constant)));
    }
    return new Bool.Held(emit.compare(c.op(), type(wide), operand(a), operand(b)));
  }

  private IntVal unary(UnaryOp op, Expr x, Site site, boolean wide) {
    return switch (op) {
      case NEG -> subtract(IntVal.of(0), integer(x, site), wide);
      case ABS -> {
        IntVal v = widen(integer(x, site), wide);
        Reg r = emit.reg(operand(v), kind(v.wide()));
        yield IntVal.of(
            emit.pure(
                Numbering.key("abs", r),
                r.kind(),
                d -> new Inst.IntAbs(type(r.kind() == Reg.Kind.B64), d, r)));
      }
      case BIT_NOT -> subtract(IntVal.of(-1), integer(x, site), wide);
      case TO_INT -> IntVal.of(emit.convert(Inst.Conversion.S32_FROM_F32, real(x, site)));
      default -> throw new IllegalArgumentException(op + " has no int result");
    };
  }

  private IntVal binary(Expr.Binary e, Site site) {
    IntVal a = integer(e.a(), site);
    IntVal b = integer(e.b(), site);
    boolean wide = a.wide() || b.wide() || !fits(e);
    return switch (e.op()) {
      case ADD -> add(a, b, wide);
      case SUB -> subtract(a, b, wide);
      case MUL -> multiply(a, b, wide);
      case FLOOR_DIV, FLOOR_MOD ->
          IntVal.of(0).equals(b)
              ? IntVal.of(0)
              : divide(e.op() == BinaryOp.FLOOR_DIV, ratio(e, a, b), wide);
      case MIN -> plain(IntOp.MIN, a, b, wide);
      case MAX -> plain(IntOp.MAX, a, b, wide);
      case BIT_AND -> bits(IntOp.AND, a, b, wide);
      case BIT_OR -> bits(IntOp.OR, a, b, wide);
      case BIT_XOR -> bits(IntOp.XOR, a, b, wide);
      case SHL -> shift(IntOp.SHL, a, b, wide, ranges.of(e.b()));
      case SHR -> shift(IntOp.SHR, a, b, wide, ranges.of(e.b()));
      default -> throw new IllegalArgumentException(e.op() + " of ints");
    };
  }

  private IntVal add(IntVal a, IntVal b, boolean wide) {
    IntVal x = widen(a, wide);
    IntVal y = widen(b, wide);
    long offset = x.offset() + y.offset();
    if (x.constant() || y.constant()) {
      return new IntVal(x.constant() ? y.base() : x.base(), offset, wide);
    }
    Operand sum =
        emit.arith(IntOp.ADD, type(wide), requireNonNull(x.base()), requireNonNull(y.base()));
    return new IntVal((Reg) sum, offset, wide);
  }

  private IntVal subtract(IntVal a, IntVal b, boolean wide) {
    IntVal x = widen(a, wide);
    IntVal y = widen(b, wide);
    if (y.constant()) {
      return new IntVal(x.base(), x.offset() - y.offset(), wide);
    }
    Operand left = x.constant() ? new IntConst(0) : requireNonNull(x.base());
    Operand difference = emit.arith(IntOp.SUB, type(wide), left, requireNonNull(y.base()));
    return new IntVal((Reg) difference, x.offset() - y.offset(), wide);
  }

  private IntVal multiply(IntVal a, IntVal b, boolean wide) {
    IntVal x = widen(a, wide);
    IntVal y = widen(b, wide);
    if (x.constant() && y.constant()) {
      return new IntVal(null, x.offset() * y.offset(), wide);
    }
    if (y.constant()) {
      Operand product =
          emit.arith(IntOp.MUL, type(wide), requireNonNull(x.base()), y.offsetOperand());
      return product instanceof Reg r
          ? new IntVal(r, x.offset() * y.offset(), wide)
          : IntVal.of(((IntConst) product).value());
    }
    if (x.constant()) {
      return multiply(y, x, wide);
    }
    return IntVal.of(
        emit.reg(emit.arith(IntOp.MUL, type(wide), operand(x), operand(y)), kind(wide)));
  }

  /** An operation on the whole values. */
  IntVal plain(IntOp op, IntVal a, IntVal b, boolean wide) {
    Operand result = emit.arith(op, type(wide), operand(widen(a, wide)), operand(widen(b, wide)));
    return of(result, wide);
  }

  private IntVal bits(IntOp op, IntVal a, IntVal b, boolean wide) {
    Operand result =
        emit.arith(op, wide ? Ty.B64 : Ty.B32, operand(widen(a, wide)), operand(widen(b, wide)));
    return of(result, wide);
  }

  private IntVal shift(IntOp op, IntVal a, IntVal b, boolean wide, Interval count) {
    Operand n = operand(b);
    if (b.wide()) {
      n = emit.arith(IntOp.MIN, Ty.S64, n, new IntConst(63));
      n = emit.arith(IntOp.MAX, Ty.S64, n, new IntConst(0));
      n = n instanceof IntConst ? n : emit.convert(Inst.Conversion.S32_FROM_S64, n);
    } else if (count.lo() < 0) {
      n = emit.arith(IntOp.MAX, Ty.S32, n, new IntConst(0));
    }
    if (wide && (b.wide() || count.hi() > 63)) {
      n = emit.arith(IntOp.MIN, Ty.S32, n, new IntConst(63));
    }
    Ty type = op == IntOp.SHL ? (wide ? Ty.B64 : Ty.B32) : type(wide);
    return of(emit.arith(op, type, operand(widen(a, wide)), n), wide);
  }

  /**
   * What is divided.
   *
   * @param dividend its range
   * @param divisor its range
   * @param shared many dividends have the divisor
   */
  private record Ratio(IntVal n, Interval dividend, IntVal d, Interval divisor, boolean shared) {
    DivisionCode.Division of(Operand n, Operand d, boolean wide) {
      return new DivisionCode.Division(n, d, wide, dividend, divisor, shared);
    }
  }

  private Ratio ratio(Expr.Binary e, IntVal a, IntVal b) {
    boolean shared = uniform(e.b()) && !uniform(e.a());
    return new Ratio(a, ranges.of(e.a()), b, ranges.of(e.b()), shared);
  }

  /** The remainder by what is at least 1, in 32 bits. */
  Operand remainder(Expr e, Operand divisor, Site site) {
    IntVal x = integer(e, site);
    if (x.constant() && x.offset() == 0) {
      return new IntConst(0);
    }
    Interval positive = new Interval(1, Integer.MAX_VALUE);
    Ratio ratio = new Ratio(x, ranges.of(e), of(divisor, false), positive, !uniform(e));
    Operand r = operand(divide(false, ratio, x.wide()));
    return x.wide() ? emit.convert(Inst.Conversion.S32_FROM_S64, r) : r;
  }

  /** Quotient or remainder rounded toward minus infinity, from the truncating instructions. */
  private IntVal divide(boolean quotient, Ratio ratio, boolean wide) {
    IntVal x = widen(ratio.n, wide);
    IntVal y = widen(ratio.d, wide);
    Ty type = type(wide);
    if (y.constant() && y.offset() > 0 && Long.bitCount(y.offset()) == 1) {
      return quotient
          ? of(
              emit.arith(
                  IntOp.SHR,
                  type,
                  operand(x),
                  new IntConst(Long.numberOfTrailingZeros(y.offset()))),
              wide)
          : of(
              emit.arith(
                  IntOp.AND, wide ? Ty.B64 : Ty.B32, operand(x), new IntConst(y.offset() - 1)),
              wide);
    }
    Operand d = operand(y);
    boolean maybeZero = ratio.divisor.contains(0);
    Reg zero = maybeZero ? emit.compare(CompareOp.EQ, type, d, new IntConst(0)) : null;
    Operand safe = zero == null ? d : emit.select(kind(wide), zero, new IntConst(1), d);
    DivisionCode.Division division = ratio.of(operand(x), safe, wide);
    Operand result = quotient ? divisions.quotient(division) : divisions.remainder(division);
    return of(zero == null ? result : emit.select(kind(wide), zero, new IntConst(0), result), wide);
  }

  /** Computes what divisions by something uniform share. */
  private void hoistReciprocal(Expr.Binary e) {
    IntVal divisor = integer(e.b(), Site.UNIFORM);
    if (!divisor.wide() && fits(e.a()) && fits(e) && ranges.of(e.b()).lo() >= 1) {
      Operand d = operand(divisor);
      if (ratio(e, divisor, divisor).of(d, d, false).byReciprocal()) {
        divisions.reciprocal(d);
      }
    }
  }

  /** Computes what remainders by a divisor share. */
  void hoistReciprocal(Operand divisor) {
    if (divisor instanceof Reg) {
      divisions.reciprocal(divisor);
    }
  }

  private Operand toFloat(Expr x, Site site) {
    IntVal v = integer(x, site);
    if (v.constant()) {
      return new FloatConst((float) v.offset());
    }
    // The base is exact in binary32, or by so little not that the sum is off by a rounding.
    boolean exact = ranges.of(x).within(new Interval(-(1L << 24), 1L << 24));
    if (!v.wide() && exact && Math.abs(v.offset()) < 1 << 10) {
      Reg base = emit.convert(Inst.Conversion.F32_FROM_S32, requireNonNull(v.base()));
      return v.offset() == 0 ? base : emit.floats(FloatOp.ADD, base, new FloatConst(v.offset()));
    }
    return emit.convert(
        v.wide() ? Inst.Conversion.F32_FROM_S64 : Inst.Conversion.F32_FROM_S32, operand(v));
  }

  private Operand realBinary(Expr.Binary e, Site site) {
    return switch (e.op()) {
      case ADD -> {
        if (e.a() instanceof Expr.Binary(BinaryOp op, Expr x, Expr y) && op == BinaryOp.MUL) {
          yield emit.fma(real(x, site), real(y, site), real(e.b(), site));
        }
        if (e.b() instanceof Expr.Binary(BinaryOp op, Expr x, Expr y) && op == BinaryOp.MUL) {
          yield emit.fma(real(x, site), real(y, site), real(e.a(), site));
        }
        yield emit.floats(FloatOp.ADD, real(e.a(), site), real(e.b(), site));
      }
      case SUB -> emit.floats(FloatOp.SUB, real(e.a(), site), real(e.b(), site));
      case MUL -> emit.floats(FloatOp.MUL, real(e.a(), site), real(e.b(), site));
      case DIV -> {
        Operand a = real(e.a(), site);
        Operand b = real(e.b(), site);
        // The product is within 1.5 ulp of the quotient, or of 0 where a divisor exceeds 2^126.
        if (!Lowering.uniform(e.b()) && awayFromZero(e.b())) {
          yield emit.floats(FloatOp.MUL, emit.floatUnary(FloatUnary.RCP_APPROX, b), a);
        }
        // One reciprocal serves every element.
        yield Lowering.uniform(e.b()) && !Lowering.uniform(e.a())
            ? emit.floats(FloatOp.MUL, a, emit.floatUnary(FloatUnary.RCP, b))
            : emit.floats(FloatOp.DIV, a, b);
      }
      case MIN -> emit.floats(FloatOp.MIN, real(e.a(), site), real(e.b(), site));
      case MAX -> emit.floats(FloatOp.MAX, real(e.a(), site), real(e.b(), site));
      case POW -> floats.pow(real(e.a(), site), real(e.b(), site));
      default -> throw new IllegalArgumentException(e.op() + " of floats");
    };
  }

  /** Whether a divisor is never so small that its reciprocal overflows. */
  private boolean awayFromZero(Expr divisor) {
    FloatRange range = insideLoops.real(divisor);
    return range.lo() > Float.MIN_NORMAL || range.hi() < -Float.MIN_NORMAL;
  }

  /** The value in 64 bits where {@code wide}. */
  IntVal widen(IntVal v, boolean wide) {
    if (v.wide() || !wide) {
      return v;
    }
    if (v.constant()) {
      return new IntVal(null, v.offset(), true);
    }
    // The offset belongs inside the 32 bits: base alone may have wrapped.
    return IntVal.of(emit.convert(Inst.Conversion.S64_FROM_S32, operand(v)));
  }

  private boolean fits(Expr e) {
    return narrow.computeIfAbsent(e, ranges::fits32);
  }

  private static IntVal of(Operand operand, boolean wide) {
    return switch (operand) {
      case Reg r -> IntVal.of(r);
      case IntConst(long value) -> new IntVal(null, value, wide);
      case FloatConst f -> throw new IllegalStateException("a float");
    };
  }

  private static Ty type(boolean wide) {
    return wide ? Ty.S64 : Ty.S32;
  }

  private static Reg.Kind kind(boolean wide) {
    return wide ? Reg.Kind.B64 : Reg.Kind.B32;
  }
}
