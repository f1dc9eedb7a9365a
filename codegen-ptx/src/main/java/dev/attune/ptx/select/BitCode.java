package dev.attune.ptx.select;

import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.Position;
import dev.attune.ptx.Inst.IntOp;
import dev.attune.ptx.Inst.Ty;
import dev.attune.ptx.Operand;
import dev.attune.ptx.Operand.IntConst;
import dev.attune.ptx.Reg;
import java.util.stream.Stream;

/**
 * Instructions for {@link ColumnBits}: for each of a lane's rows a bit for each column from the
 * lane's first on, 32 in a word. A shift by more than a word leaves 0, so one code serves every
 * period.
 */
final class BitCode {
  private static final Expr KEY = new Expr.At(Position.KV);
  private static final IntConst NONE = new IntConst(0);
  private static final IntConst ALL = new IntConst(-1);

  private final Emitter emit;
  private final ExprCode expressions;
  private final Elements elements;

  BitCode(Elements elements) {
    this.emit = elements.emit();
    this.expressions = elements.expressions();
    this.elements = elements;
  }

  /** What is evaluated for each row: what of it is uniform, or gathered by row, can be hoisted. */
  static Stream<Expr> evaluated(ColumnBits bits) {
    return switch (bits) {
      case ColumnBits.OfRow(Expr holds) -> Stream.of(holds);
      case ColumnBits.From(Expr first) -> Stream.of(first);
      case ColumnBits.Runs r -> Stream.concat(Stream.of(r.from()), r.length().stream());
      case ColumnBits.Not(ColumnBits x) -> evaluated(x);
      case ColumnBits.And(ColumnBits a, ColumnBits b) -> Stream.concat(evaluated(a), evaluated(b));
      case ColumnBits.Or(ColumnBits a, ColumnBits b) -> Stream.concat(evaluated(a), evaluated(b));
    };
  }

  /** Computes what is uniform of periods, so that later code finds it. */
  void hoist(ColumnBits bits) {
    switch (bits) {
      case ColumnBits.OfRow r -> {}
      case ColumnBits.From f -> {}
      case ColumnBits.Runs r -> {
        if (expressions.uniform(r.period())) {
          Operand period = narrow(r.period(), Site.UNIFORM);
          multiples(period);
          step(period);
          expressions.hoistReciprocal(period);
          if (expressions.uniform(r.from())) {
            expressions.remainder(r.from(), period, Site.UNIFORM);
          }
        }
      }
      case ColumnBits.Not(ColumnBits x) -> hoist(x);
      case ColumnBits.And(ColumnBits a, ColumnBits b) -> {
        hoist(a);
        hoist(b);
      }
      case ColumnBits.Or(ColumnBits a, ColumnBits b) -> {
        hoist(a);
        hoist(b);
      }
    }
  }

  /** Whether columns {@code 32·word} and following of a row hold, the first in the lowest bit. */
  Operand word(ColumnBits bits, int row, LaneKeys lane, int word) {
    Site site = elements.site(row, lane.first(), lane.first(), null);
    return word(bits, site, word);
  }

  private Operand word(ColumnBits bits, Site site, int word) {
    return switch (bits) {
      case ColumnBits.OfRow(Expr holds) ->
          switch (expressions.bool(holds, site)) {
            case ExprCode.Bool.Known(boolean value) -> value ? ALL : NONE;
            case ExprCode.Bool.Held(Reg p) -> emit.select(Reg.Kind.B32, p, ALL, NONE);
          };
      case ColumnBits.From(Expr first) -> {
        Operand column = notNegative(narrow(Exprs.sub(first, KEY), site));
        Operand bit =
            word == 0 ? column : notNegative(sub(column, new IntConst((long) Integer.SIZE * word)));
        yield shift(ALL, bit);
      }
      case ColumnBits.Runs r -> runs(r, site, word);
      case ColumnBits.Not(ColumnBits x) -> emit.arith(IntOp.XOR, Ty.B32, word(x, site, word), ALL);
      case ColumnBits.And(ColumnBits a, ColumnBits b) ->
          emit.arith(IntOp.AND, Ty.B32, word(a, site, word), word(b, site, word));
      case ColumnBits.Or(ColumnBits a, ColumnBits b) ->
          emit.arith(IntOp.OR, Ty.B32, word(a, site, word), word(b, site, word));
    };
  }

  private Operand runs(ColumnBits.Runs r, Site site, int word) {
    Operand period = narrow(r.period(), site);
    // The first column, of the word's first on, at which a run begins.
    Operand from = expressions.remainder(r.from(), period, site);
    Operand next = wrapped(sub(from, expressions.remainder(KEY, period, site)), period);
    Operand step = step(period);
    for (int w = 0; w < word && !step.equals(NONE); w++) {
      next = wrapped(sub(next, step), period);
    }
    Operand multiples = multiples(period);
    if (r.length().isEmpty()) {
      return shift(multiples, next);
    }
    // Runs do not overlap, so a product places one at every multiple.
    Operand length = narrow(r.length().get(), site);
    Operand begun = shift(emit.arith(IntOp.MUL, Ty.S32, multiples, low(length)), next);
    // A run that began before the word has so much less than a period left.
    Operand left = notNegative(emit.arith(IntOp.ADD, Ty.S32, next, sub(length, period)));
    return emit.arith(IntOp.OR, Ty.B32, begun, low(left));
  }

  /** The bits at multiples of a period. */
  private Operand multiples(Operand period) {
    Operand distance = emit.arith(IntOp.MIN, Ty.S32, period, new IntConst(Integer.SIZE));
    Operand bits = new IntConst(1);
    for (int i = 1; i < Integer.SIZE; i *= 2) {
      bits = emit.arith(IntOp.OR, Ty.B32, bits, shift(bits, distance));
      distance = shift(distance, new IntConst(1));
    }
    return bits;
  }

  /** What a word is more than whole periods. */
  private Operand step(Operand period) {
    return emit.arith(IntOp.REM, Ty.S32, new IntConst(Integer.SIZE), period);
  }

  /** A remainder from a difference of two: a negative one is the larger unsigned. */
  private Operand wrapped(Operand difference, Operand period) {
    return emit.arith(
        IntOp.MIN, Ty.U32, difference, emit.arith(IntOp.ADD, Ty.S32, difference, period));
  }

  /** So many low bits, all where there are not as many. */
  private Operand low(Operand count) {
    return emit.arith(IntOp.XOR, Ty.B32, shift(ALL, count), ALL);
  }

  private Operand shift(Operand bits, Operand count) {
    return emit.arith(IntOp.SHL, Ty.B32, bits, count);
  }

  private Operand sub(Operand a, Operand b) {
    return emit.arith(IntOp.SUB, Ty.S32, a, b);
  }

  private Operand notNegative(Operand a) {
    return emit.arith(IntOp.MAX, Ty.S32, a, NONE);
  }

  private Operand narrow(Expr e, Site site) {
    IntVal value = expressions.integer(e, site);
    return value.wide() ? expressions.narrowRegister(e, site) : expressions.operand(value);
  }
}
