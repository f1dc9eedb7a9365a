package dev.attune.ptx.select;

import dev.attune.ptx.Operand;
import dev.attune.ptx.Reg;
import org.jspecify.annotations.Nullable;

/**
 * An integer as a register plus a constant, so that neighbours in a fragment share their
 * arithmetic.
 *
 * @param base null for a constant
 * @param wide 64 bits instead of 32
 */
public record IntVal(@Nullable Reg base, long offset, boolean wide) {

  /** A narrow sum is exact modulo 2³², and so is its constant part. */
  public IntVal {
    offset = wide || base == null ? offset : (offset << 32) >> 32;
  }

  /** A constant; wide only where it must be. */
  public static IntVal of(long value) {
    return new IntVal(null, value, value != (int) value);
  }

  /** The value of a register. */
  public static IntVal of(Reg reg) {
    return new IntVal(reg, 0, reg.kind() == Reg.Kind.B64);
  }

  /** The value plus a constant. */
  public IntVal plus(long constant) {
    return new IntVal(base, offset + constant, wide);
  }

  /** Whether the value is a constant. */
  public boolean constant() {
    return base == null;
  }

  /** The constant part as an operand. */
  public Operand offsetOperand() {
    return new Operand.IntConst(offset);
  }
}
