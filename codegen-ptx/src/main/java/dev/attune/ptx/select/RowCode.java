package dev.attune.ptx.select;

import dev.attune.compiler.spec.CompareOp;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.Position;
import dev.attune.compiler.tile.Lowering;
import dev.attune.compiler.tile.Op;
import dev.attune.ptx.Inst;
import dev.attune.ptx.Inst.FloatOp;
import dev.attune.ptx.Inst.FloatUnary;
import dev.attune.ptx.Inst.IntOp;
import dev.attune.ptx.Inst.Ty;
import dev.attune.ptx.Operand;
import dev.attune.ptx.Operand.FloatConst;
import dev.attune.ptx.Operand.IntConst;
import dev.attune.ptx.Reg;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.BinaryOperator;
import java.util.function.UnaryOperator;

/**
 * Elementwise and row operations on m16n8 accumulators. A lane holds, of each block of 16 rows,
 * two: {@code lane/4} and eight further; the four lanes of a quad share a row.
 */
public final class RowCode {
  private static final FloatConst LOWEST = new FloatConst(Float.NEGATIVE_INFINITY);
  private static final FloatConst ZERO = new FloatConst(0);
  private static final FloatConst ONE = new FloatConst(1);

  private final Emitter emit;
  private final ExprCode expressions;
  private final Elements elements;
  private final int blocks;
  private final boolean branches;
  private final int chains;

  /**
   * Code for a lane.
   *
   * @param rows its rows, two of each block of 16
   * @param queries Sq
   * @param keys Skv
   * @param branches the code may branch by what a warp holds
   * @param chains independent chains in which a row is reduced: more hide latency, and take as many
   *     registers
   */
  public RowCode(
      Emitter emit,
      ExprCode expressions,
      LaneRows rows,
      Reg queries,
      Reg keys,
      boolean branches,
      int chains) {
    this.emit = emit;
    this.expressions = expressions;
    this.elements = new Elements(emit, expressions, rows, queries, keys);
    this.blocks = rows.count() / 2;
    this.branches = branches;
    this.chains = chains;
  }

  /** New values of max, sum and the factor of the accumulator. */
  @SuppressWarnings("ArrayRecordComponent") // Never compared.
  public record Rescaled(Reg[] max, Reg[] sum, Reg[] alpha) {}

  /** Rows of a lane. */
  public int count() {
    return 2 * blocks;
  }

  /** The lane's elements. */
  Elements elements() {
    return elements;
  }

  /** Rows of a lane, as registers nobody has. */
  public Reg[] freshRows() {
    Reg[] regs = new Reg[count()];
    for (int i = 0; i < regs.length; i++) {
      regs[i] = emit.fresh(Reg.Kind.F32);
    }
    return regs;
  }

  /** Accumulators of {@code columns} blocks, as registers nobody has. */
  public Reg[][][] accumulators(int columns) {
    Reg[][][] regs = new Reg[blocks][columns][4];
    for (Reg[][] m : regs) {
      for (Reg[] n : m) {
        for (int e = 0; e < 4; e++) {
          n[e] = emit.fresh(Reg.Kind.F32);
        }
      }
    }
    return regs;
  }

  /**
   * Loads what an expression gathers by key, so that later code finds it, where that takes no more
   * than so many registers.
   */
  public void loadAhead(Expr e, LaneKeys lane, int cols, int registers) {
    List<Expr.Gather> gathers = Exprs.keyGathers(e);
    long perColumn = gathers.stream().mapToInt(g -> Exprs.uses(g, Position.Q) ? count() : 1).sum();
    if (!lane.whole() || perColumn * cols / 4 > registers) {
      return;
    }
    for (int n = 0; n < cols / 8; n++) {
      for (int column = 0; column < 2; column++) {
        for (int r = 0; r < count(); r++) {
          Site site = elements.keySite(r, e, lane, lane.at(n, column), null);
          gathers.forEach(g -> expressions.gathers().load(g, site));
        }
      }
    }
  }

  /** An expression at every element. */
  public Held.Accumulators map(Reg[][][] in, Expr e, LaneKeys lane) {
    Optional<Tanh> tanh = Tanh.of(e);
    return tanh.isPresent() && branches ? tanh(in, tanh.get(), lane) : mapped(in, e, lane);
  }

  /** exp2(factor·e − max) at every element. */
  public Held.Accumulators weights(Reg[][][] in, Expr e, Operand factor, Reg[] max, LaneKeys lane) {
    Optional<Tanh> tanh = softcap(e);
    if (tanh.isEmpty()) {
      return exp2(map(in, e, lane).regs(), factor, max, false);
    }
    Operand[] shift = negative(max, false);
    Reg[][][] out = accumulators(in[0].length);
    SoftcapCode code = softcapCode(tanh.get(), factor);
    eitherWay(
        argument(in, tanh.get(), lane),
        code.argument(),
        code.far(shift),
        code.near(shift),
        (m, n, i, exponent) ->
            emit.add(
                new Inst.FloatUn(FloatUnary.EX2, out[m][n][i], emit.reg(exponent, Reg.Kind.F32))));
    return new Held.Accumulators(out);
  }

  /** Computes once what {@link #weights} needs for every tile. */
  public void hoistWeights(Expr e, Operand factor) {
    softcap(e).ifPresent(tanh -> softcapCode(tanh, factor).near(new Operand[0]));
  }

  private Optional<Tanh> softcap(Expr e) {
    return Tanh.of(e).filter(t -> branches && t.outside() instanceof Expr.Score);
  }

  private SoftcapCode softcapCode(Tanh e, Operand times) {
    return new SoftcapCode(emit, expressions.real(e.factor(), Site.UNIFORM), times);
  }

  private Reg[][][] argument(Reg[][][] in, Tanh e, LaneKeys lane) {
    return e.argument() instanceof Expr.Score ? in : mapped(in, e.argument(), lane).regs();
  }

  private Held.Accumulators tanh(Reg[][][] in, Tanh e, LaneKeys lane) {
    Operand factor = expressions.real(e.factor(), Site.UNIFORM);
    Reg[][][] out = accumulators(in[0].length);
    UnaryOperator<Operand> far = expressions.functions().tanhFar(factor);
    UnaryOperator<Operand> near = expressions.functions().tanhNear(factor);
    eitherWay(
        argument(in, e, lane),
        factor,
        (r, x) -> far.apply(x),
        (r, x) -> near.apply(x),
        (m, n, i, tanh) -> {
          IntVal key = lane.at(n, i);
          Site site = elements.site(2 * m + i / 2, key, key, tanh);
          emit.add(new Inst.Mov(out[m][n][i], expressions.real(e.outside(), site)));
        });
    return new Held.Accumulators(out);
  }

  /** What becomes of an element of a row. */
  interface OfElement {
    Operand of(int row, Operand x);
  }

  /** Where it goes. */
  private interface Destination {
    void put(int m, int n, int i, Operand value);
  }

  /**
   * One function of the elements where the warp has a large argument, {@code x · factor}, another
   * where it has none: a warp rarely has one, and a polynomial for small ones needs no special
   * function.
   */
  private void eitherWay(
      Reg[][][] x, Operand factor, OfElement far, OfElement near, Destination out) {
    Reg largest = emit.reg(new FloatConst(0), Reg.Kind.F32);
    for (int r = 0; r < count(); r++) {
      Reg ofRow = fold(x, r, (a, b) -> floats(FloatOp.MAX, size(a), size(b)));
      largest = floats(FloatOp.MAX, largest, ofRow);
    }
    Reg argument = floats(FloatOp.MUL, largest, size(emit.reg(factor, Reg.Kind.F32)));
    Reg isFar = emit.compare(CompareOp.GE, Ty.F32, argument, new FloatConst(FloatCode.TANH_NEAR));
    Reg any = emit.fresh(Reg.Kind.PRED);
    emit.add(new Inst.VoteAny(any, isFar));
    String small = emit.label("near");
    String done = emit.label("tanh");
    emit.add(new Inst.Guarded(any, true, new Inst.Bra(small, true)));
    each(x, far, out);
    emit.add(new Inst.Bra(done, true));
    emit.add(new Inst.Label(small));
    each(x, near, out);
    emit.add(new Inst.Label(done));
  }

  private void each(Reg[][][] x, OfElement f, Destination out) {
    emit.scope(
        () -> elements.byColumn(x, (m, n, i) -> out.put(m, n, i, f.of(2 * m + i / 2, x[m][n][i]))));
  }

  private Reg size(Reg x) {
    return emit.reg(emit.floatUnary(FloatUnary.ABS, x), Reg.Kind.F32);
  }

  private Held.Accumulators mapped(Reg[][][] in, Expr e, LaneKeys lane) {
    Optional<LongSum> sum = LongSum.of(e);
    if (sum.isEmpty()) {
      return new Held.Accumulators(evaluated(in, e, lane));
    }
    Reg[][][] value = in;
    for (Expr step : sum.get().steps()) {
      Reg[][][] before = value;
      value = emit.scoped(() -> evaluated(before, step, lane));
    }
    return new Held.Accumulators(value);
  }

  private Reg[][][] evaluated(Reg[][][] in, Expr e, LaneKeys lane) {
    Reg[][][] out = new Reg[blocks][in[0].length][4];
    elements.byColumn(
        in,
        (m, n, i) -> {
          Site site = elements.keySite(2 * m + i / 2, e, lane, lane.at(n, i), in[m][n][i]);
          out[m][n][i] = emit.reg(expressions.real(e, site), Reg.Kind.F32);
        });
    return out;
  }

  /** max(floor, factor · largest of the row). */
  public Held.Rows max(Reg[][][] in, Operand factor, Reg[] floor) {
    Reg[] out = freshRows();
    for (int r = 0; r < count(); r++) {
      Reg largest = fold(in, r, (a, b) -> floats(FloatOp.MAX, a, b));
      largest = overQuad(FloatOp.MAX, largest);
      Operand scaled = emit.floats(FloatOp.MUL, largest, factor);
      emit.add(new Inst.FloatArith(FloatOp.MAX, out[r], floor[r], scaled));
    }
    return new Held.Rows(out);
  }

  /**
   * A row maximum taken over the bits of the floats as integers, which compares three at a time.
   * Among negative floats that finds the smallest, so {@link #correct} must follow.
   *
   * @param rows max(floor, factor · found): exact unless both are negative
   * @param found what was found, as bits
   */
  @SuppressWarnings("ArrayRecordComponent") // Never compared.
  public record BitMax(Held.Rows rows, Reg[] found) {}

  /** max(floor, factor · largest of the row), as far as integer comparisons can say. */
  public BitMax maxOfBits(Reg[][][] in, Operand factor, Reg[] floor) {
    Reg[] out = freshRows();
    Reg[] found = new Reg[count()];
    for (int r = 0; r < count(); r++) {
      Reg largest = foldBits(in, r);
      for (int mask = 1; mask <= 2; mask *= 2) {
        Reg other = emit.fresh(Reg.Kind.B32);
        emit.add(new Inst.ShflBfly(other, largest, mask));
        largest = (Reg) emit.arith(IntOp.MAX, Ty.S32, largest, other);
      }
      found[r] = largest;
      Operand scaled = emit.floats(FloatOp.MUL, bits(largest, Reg.Kind.F32), factor);
      emit.add(new Inst.FloatArith(FloatOp.MAX, out[r], floor[r], scaled));
    }
    return new BitMax(new Held.Rows(out), found);
  }

  /** Pairs before they join a chain: the assembler makes one three-way instruction of both. */
  private Reg foldBits(Reg[][][] in, int r) {
    int first = 2 * (r % 2);
    Reg[] partial = new Reg[2];
    for (int n = 0; n < in[r / 2].length; n++) {
      Reg[] block = in[r / 2][n];
      Operand pair =
          emit.arith(
              IntOp.MAX,
              Ty.S32,
              bits(block[first], Reg.Kind.B32),
              bits(block[first + 1], Reg.Kind.B32));
      int chain = n % 2;
      partial[chain] =
          n < 2 ? (Reg) pair : (Reg) emit.arith(IntOp.MAX, Ty.S32, partial[chain], pair);
    }
    return in[r / 2].length == 1
        ? partial[0]
        : (Reg) emit.arith(IntOp.MAX, Ty.S32, partial[0], partial[1]);
  }

  private Reg bits(Reg reg, Reg.Kind kind) {
    return emit.pure(Numbering.key("bits", reg, kind), kind, d -> new Inst.Bits(d, reg));
  }

  /** Takes the maximum again, exactly, in a warp that has a row where it may be wrong. */
  public void correct(BitMax max, Reg[][][] in, Operand factor, Reg[] floor) {
    Operand negative = new IntConst(0);
    for (int r = 0; r < count(); r++) {
      Operand both = emit.arith(IntOp.AND, Ty.B32, max.found()[r], bits(floor[r], Reg.Kind.B32));
      negative = r == 0 ? both : emit.arith(IntOp.OR, Ty.B32, negative, both);
    }
    Reg wrong = emit.compare(CompareOp.LT, Ty.S32, negative, new IntConst(0));
    Reg any = emit.fresh(Reg.Kind.PRED);
    emit.add(new Inst.VoteAny(any, wrong));
    String exact = emit.label("exact");
    emit.add(new Inst.Guarded(any, true, new Inst.Bra(exact, true)));
    emit.scope(
        () -> {
          Reg[] again = max(in, factor, floor).regs();
          for (int r = 0; r < count(); r++) {
            emit.add(new Inst.Mov(max.rows().regs()[r], again[r]));
          }
        });
    emit.add(new Inst.Label(exact));
  }

  public Rescaled rescale(Reg[] oldMax, Reg[] newMax, Reg[] sum, Op.Rule rule) {
    Reg[] max = freshRows();
    Reg[] sumOut = freshRows();
    Reg[] alpha = freshRows();
    for (int r = 0; r < count(); r++) {
      switch (rule) {
        case Op.Rule.Always a -> {
          emit.add(new Inst.Mov(max[r], newMax[r]));
          Reg t = floats(FloatOp.SUB, oldMax[r], finite(newMax[r]));
          Operand factor = emit.floatUnary(FloatUnary.EX2, t);
          // A row that has seen no key keeps its empty sums.
          Reg empty = emit.compare(CompareOp.EQ, Ty.F32, newMax[r], LOWEST);
          emit.add(new Inst.SelP(alpha[r], ONE, factor, empty));
        }
        case Op.Rule.Lazy(int threshold) -> {
          // Of two infinite maxima the difference is NaN, and NaN is not below the threshold.
          Reg t = floats(FloatOp.SUB, oldMax[r], newMax[r]);
          Reg grew = emit.compare(CompareOp.LT, Ty.F32, t, new FloatConst(-threshold));
          emit.add(new Inst.SelP(max[r], newMax[r], oldMax[r], grew));
          Operand factor = emit.floatUnary(FloatUnary.EX2, t);
          emit.add(new Inst.SelP(alpha[r], factor, ONE, grew));
        }
      }
      emit.add(new Inst.FloatArith(FloatOp.MUL, sumOut[r], sum[r], alpha[r]));
    }
    return new Rescaled(max, sumOut, alpha);
  }

  /**
   * Each row times its factor, which is at most 1, in place; a warp whose factors are all 1 skips
   * it.
   */
  public Held.Accumulators scale(Reg[][][] in, Reg[] factor) {
    Reg least = factor[0];
    for (int r = 1; r < count(); r++) {
      least = floats(FloatOp.MIN, least, factor[r]);
    }
    Reg below = emit.compare(CompareOp.LT, Ty.F32, least, ONE);
    Reg any = emit.fresh(Reg.Kind.PRED);
    emit.add(new Inst.VoteAny(any, below));
    String skip = emit.label("unscaled");
    emit.add(new Inst.Guarded(any, true, new Inst.Bra(skip, true)));
    each(
        in,
        (m, n, i) ->
            emit.add(
                new Inst.FloatArith(FloatOp.MUL, in[m][n][i], in[m][n][i], factor[2 * m + i / 2])));
    emit.add(new Inst.Label(skip));
    return new Held.Accumulators(in);
  }

  /** exp2(factor·in − max). */
  public Held.Accumulators exp2(Reg[][][] in, Operand factor, Reg[] max, boolean guarded) {
    Reg[][][] out = accumulators(in[0].length);
    Operand[] negative = negative(max, guarded);
    boolean unscaled = factor.equals(ONE);
    each(
        in,
        (m, n, i) -> {
          Operand shift = negative[2 * m + i / 2];
          Operand t =
              unscaled
                  ? emit.floats(FloatOp.ADD, in[m][n][i], shift)
                  : emit.fma(in[m][n][i], factor, shift);
          emit.add(new Inst.FloatUn(FloatUnary.EX2, out[m][n][i], emit.reg(t, Reg.Kind.F32)));
        });
    return new Held.Accumulators(out);
  }

  private Operand[] negative(Reg[] max, boolean guarded) {
    Operand[] negative = new Operand[count()];
    for (int r = 0; r < count(); r++) {
      negative[r] = emit.floatUnary(FloatUnary.NEG, guarded ? finite(max[r]) : max[r]);
    }
    return negative;
  }

  /** {@code initial} plus the lane's elements, or the whole row's. */
  public Held.Rows sum(Reg[][][] in, Reg[] initial, boolean partial) {
    Reg[] out = freshRows();
    for (int r = 0; r < count(); r++) {
      Reg lane = fold(in, r, (a, b) -> floats(FloatOp.ADD, a, b));
      Reg all = partial ? lane : overQuad(FloatOp.ADD, lane);
      emit.add(new Inst.FloatArith(FloatOp.ADD, out[r], initial[r], all));
    }
    return new Held.Rows(out);
  }

  public Held.Rows reduce(Reg[] partial) {
    Reg[] out = new Reg[count()];
    for (int r = 0; r < count(); r++) {
      out[r] = overQuad(FloatOp.ADD, partial[r]);
    }
    return new Held.Rows(out);
  }

  /** The tile rounded, into the registers of {@code into} where that is given. */
  public Held.LeftOperands cast(Reg[][][] in, Dtype dtype, Optional<Held.LeftOperands> into) {
    int columns = in[0].length;
    Reg[][][] out =
        into.map(Held.LeftOperands::regs).orElseGet(() -> operands(blocks, (columns + 1) / 2));
    for (int m = 0; m < blocks; m++) {
      for (int k = 0; k < out[m].length; k++) {
        for (int i = 0; i < 4; i++) {
          int n = 2 * k + i / 2;
          // An odd number of column blocks leaves the last operand half empty.
          Operand low = n < columns ? in[m][n][2 * (i % 2)] : ZERO;
          Operand high = n < columns ? in[m][n][2 * (i % 2) + 1] : ZERO;
          emit.add(new Inst.Pack(dtype, out[m][k][i], reg(high), reg(low)));
        }
      }
    }
    return new Held.LeftOperands(out);
  }

  private Reg[][][] operands(int rowBlocks, int columns) {
    Reg[][][] regs = new Reg[rowBlocks][columns][4];
    for (Reg[][] m : regs) {
      for (Reg[] k : m) {
        for (int i = 0; i < 4; i++) {
          k[i] = emit.fresh(Reg.Kind.B32);
        }
      }
    }
    return regs;
  }

  public Rescaled sink(Reg[] max, Reg[] sum, Expr sink) {
    Reg[] maxOut = freshRows();
    Reg[] sumOut = freshRows();
    Reg[] alpha = freshRows();
    for (int r = 0; r < count(); r++) {
      Operand logit =
          emit.floats(
              FloatOp.MUL,
              expressions.real(sink, elements.rowSite(r)),
              new FloatConst((float) Lowering.LOG2E));
      emit.add(new Inst.FloatArith(FloatOp.MAX, maxOut[r], max[r], logit));
      Reg reference = finite(maxOut[r]);
      Operand own = emit.floatUnary(FloatUnary.EX2, floats(FloatOp.SUB, max[r], reference));
      Operand others =
          emit.floatUnary(FloatUnary.EX2, emit.floats(FloatOp.SUB, reg(logit), reference));
      emit.add(new Inst.Mov(alpha[r], own));
      emit.add(new Inst.Fma(sumOut[r], sum[r], alpha[r], others));
    }
    return new Rescaled(maxOut, sumOut, alpha);
  }

  public Held.Accumulators normalize(Reg[][][] in, Reg[] sum) {
    Reg[][][] out = accumulators(in[0].length);
    Operand[] inverse = new Operand[count()];
    for (int r = 0; r < count(); r++) {
      Reg empty = emit.compare(CompareOp.EQ, Ty.F32, sum[r], ZERO);
      inverse[r] =
          emit.select(Reg.Kind.F32, empty, ZERO, emit.floatUnary(FloatUnary.RCP_APPROX, sum[r]));
    }
    each(
        in,
        (m, n, i) ->
            emit.add(
                new Inst.FloatArith(
                    FloatOp.MUL, out[m][n][i], in[m][n][i], inverse[2 * m + i / 2])));
    return new Held.Accumulators(out);
  }

  public Held.Rows logSumExp(Reg[] max, Reg[] sum) {
    Reg[] out = new Reg[count()];
    for (int r = 0; r < count(); r++) {
      Operand log = emit.floatUnary(FloatUnary.LG2, sum[r]);
      Operand whole = emit.floats(FloatOp.ADD, max[r], log);
      Reg empty = emit.compare(CompareOp.EQ, Ty.F32, sum[r], ZERO);
      out[r] =
          emit.select(
              Reg.Kind.F32,
              empty,
              LOWEST,
              emit.floats(FloatOp.MUL, whole, new FloatConst((float) Math.log(2))));
    }
    return new Held.Rows(out);
  }

  public Held.Rows naturalUnits(Reg[] in) {
    Reg[] out = new Reg[count()];
    for (int r = 0; r < count(); r++) {
      out[r] = floats(FloatOp.MUL, in[r], new FloatConst((float) Math.log(2)));
    }
    return new Held.Rows(out);
  }

  /** The maximum to subtract: 0 in place of −∞, so that no difference of infinities arises. */
  private Reg finite(Reg max) {
    Reg infinite = emit.compare(CompareOp.EQ, Ty.F32, max, LOWEST);
    return emit.select(Reg.Kind.F32, infinite, ZERO, max);
  }

  private Reg fold(Reg[][][] in, int r, BinaryOperator<Reg> f) {
    int first = 2 * (r % 2);
    List<Reg> elements = new ArrayList<>();
    for (Reg[] n : in[r / 2]) {
      elements.add(n[first]);
      elements.add(n[first + 1]);
    }
    List<Reg> partial = new ArrayList<>(elements.subList(0, chains));
    for (int i = chains; i < elements.size(); i++) {
      partial.set(i % chains, f.apply(partial.get(i % chains), elements.get(i)));
    }
    return partial.stream().reduce(f).orElseThrow();
  }

  /** The lanes of a quad combined; every lane gets the result. */
  private Reg overQuad(FloatOp op, Reg value) {
    Reg acc = value;
    for (int mask = 1; mask <= 2; mask *= 2) {
      Reg other = emit.fresh(Reg.Kind.F32);
      emit.add(new Inst.ShflBfly(other, acc, mask));
      acc = floats(op, acc, other);
    }
    return acc;
  }

  private Reg floats(FloatOp op, Operand a, Operand b) {
    return reg(emit.floats(op, a, b));
  }

  private Reg reg(Operand operand) {
    return emit.reg(operand, Reg.Kind.F32);
  }

  private static void each(Reg[][][] regs, Elements.Action action) {
    for (int m = 0; m < regs.length; m++) {
      for (int n = 0; n < regs[m].length; n++) {
        for (int i = 0; i < 4; i++) {
          action.at(m, n, i);
        }
      }
    }
  }
}
