package dev.attune.ptx.select;

import dev.attune.compiler.analysis.Interval;
import dev.attune.compiler.spec.CompareOp;
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

/**
 * Floor division, whose quotient is rounded down and whose remainder has the divisor's sign.
 *
 * <p>For a 64-bit division the assembler makes a call, which code between two {@code setmaxnreg}
 * has no registers for: version 12.0 crashes on many such kernels. So they are written out.
 */
final class DivisionCode {
  /** Bits that one step of a long division finds at least. */
  private static final int DIGIT = 20;

  /** What makes an approximate quotient one that is not too large; its error is below 2^-21. */
  private static final float BELOW = 1 - 0x1p-20f;

  private final Emitter emit;

  DivisionCode(Emitter emit) {
    this.emit = emit;
  }

  /**
   * A division by what is not zero.
   *
   * @param dividend its range
   * @param divisor its range
   * @param shared many dividends have the divisor
   */
  record Division(
      Operand n, Operand d, boolean wide, Interval dividend, Interval divisor, boolean shared) {

    private Ty type() {
      return wide ? Ty.S64 : Ty.S32;
    }

    private boolean positive() {
      return dividend.lo() >= 0 && divisor.lo() >= 0;
    }

    /** Whether a reciprocal of the divisor is worth a register. */
    boolean byReciprocal() {
      return shared && !wide && positive() && d instanceof Reg;
    }
  }

  /** The quotient. */
  Operand quotient(Division x) {
    if (x.wide() && x.divisor().lo() >= 0) {
      return longQuotient(x);
    }
    if (!x.byReciprocal()) {
      Operand q = emit.arith(IntOp.DIV, x.type(), x.n(), x.d());
      return x.positive() ? q : select(x, q, emit.arith(IntOp.SUB, x.type(), q, new IntConst(1)));
    }
    Operand q = nearlyQuotient(x);
    Reg less = emit.compare(CompareOp.GE, Ty.S32, rest(x, q), x.d());
    return emit.select(Reg.Kind.B32, less, emit.arith(IntOp.ADD, Ty.S32, q, new IntConst(1)), q);
  }

  /** The remainder. */
  Operand remainder(Division x) {
    if (x.wide() && x.divisor().lo() >= 0) {
      return rest(x, longQuotient(x));
    }
    if (!x.byReciprocal()) {
      Operand r = rest(x, emit.arith(IntOp.DIV, x.type(), x.n(), x.d()));
      return x.positive() ? r : select(x, r, emit.arith(IntOp.ADD, x.type(), r, x.d()));
    }
    Operand r = rest(x, nearlyQuotient(x));
    Reg more = emit.compare(CompareOp.GE, Ty.S32, r, x.d());
    return emit.select(Reg.Kind.B32, more, emit.arith(IntOp.SUB, Ty.S32, r, x.d()), r);
  }

  /** n - q·d. */
  private Operand rest(Division x, Operand q) {
    return emit.arith(IntOp.SUB, x.type(), x.n(), emit.arith(IntOp.MUL, x.type(), q, x.d()));
  }

  /** {@code adjusted} where truncation rounded up: the remainder's sign is not the divisor's. */
  private Operand select(Division x, Operand truncated, Operand adjusted) {
    Operand r = rest(x, emit.arith(IntOp.DIV, x.type(), x.n(), x.d()));
    Operand signs = emit.arith(IntOp.XOR, x.wide() ? Ty.B64 : Ty.B32, r, x.d());
    Reg up =
        emit.logic(
            PredOp.AND,
            emit.compare(CompareOp.NE, x.type(), r, new IntConst(0)),
            emit.compare(CompareOp.LT, x.type(), signs, new IntConst(0)));
    return emit.select(x.type().kind(), up, adjusted, truncated);
  }

  /** The largest m with m·d < 2^31. */
  Reg reciprocal(Operand d) {
    Reg most = emit.reg(new IntConst(Integer.MAX_VALUE), Reg.Kind.B32);
    return (Reg) emit.arith(IntOp.DIV, Ty.S32, most, d);
  }

  /** n·m / 2^31 for that m: the quotient or one less, since 2^31 / d - 1 <= m and n < 2^31. */
  private Operand nearlyQuotient(Division x) {
    Reg product = emit.madWide(x.n(), reciprocal(x.d()), new IntConst(0));
    return emit.convert(
        Inst.Conversion.S32_FROM_S64,
        emit.arith(IntOp.SHR, Ty.S64, product, new IntConst(Integer.SIZE - 1)));
  }

  /**
   * A quotient of 64-bit numbers, the divisor not negative. Each step subtracts from the dividend a
   * multiple of the divisor that binary32 arithmetic finds, by less than 2^-19 of it too small;
   * from a quotient below 2^20 the second last leaves one below 2, which the last makes exact.
   */
  private Operand longQuotient(Division x) {
    // The complement of a negative dividend has the complement of its quotient.
    Operand sign =
        x.dividend().lo() >= 0
            ? new IntConst(0)
            : emit.arith(IntOp.SHR, Ty.S64, x.n(), new IntConst(Long.SIZE - 1));
    Operand rest = complement(x.n(), sign);
    Operand inverse =
        emit.floats(
            FloatOp.MUL,
            emit.floatUnary(FloatUnary.RCP_APPROX, real(x.d())),
            new FloatConst(BELOW));
    Operand quotient = new IntConst(0);
    int highest = bits(x.dividend()) > 2 * DIGIT + 2 ? 2 : bits(x.dividend()) > DIGIT + 2 ? 1 : 0;
    for (int step = highest; step >= -1; step--) {
      int shift = DIGIT * Math.max(0, step);
      Operand found =
          emit.floats(
              FloatOp.MUL,
              emit.floats(FloatOp.MUL, real(rest), inverse),
              new FloatConst((float) Math.scalb(1.0, -shift)));
      Operand digit = emit.convert(Inst.Conversion.S32_FROM_F32, found);
      Operand wide = emit.convert(Inst.Conversion.S64_FROM_S32, digit);
      Operand part = emit.arith(IntOp.SHL, Ty.B64, wide, new IntConst(shift));
      rest = emit.arith(IntOp.SUB, Ty.S64, rest, emit.arith(IntOp.MUL, Ty.S64, part, x.d()));
      quotient = step == highest ? part : emit.arith(IntOp.ADD, Ty.S64, quotient, part);
    }
    Reg less = emit.compare(CompareOp.GE, Ty.S64, rest, x.d());
    Operand more = emit.arith(IntOp.ADD, Ty.S64, quotient, new IntConst(1));
    return complement(emit.select(Reg.Kind.B64, less, more, quotient), sign);
  }

  private Operand complement(Operand value, Operand sign) {
    return emit.arith(IntOp.XOR, Ty.B64, value, sign);
  }

  private Operand real(Operand value) {
    return emit.convert(Inst.Conversion.F32_FROM_S64, value);
  }

  private static int bits(Interval range) {
    long largest = Math.max(range.hi(), ~Math.min(range.lo(), 0));
    return Long.SIZE - Long.numberOfLeadingZeros(largest);
  }
}
