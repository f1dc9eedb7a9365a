package dev.attune.compiler.spec;

import org.jspecify.annotations.Nullable;

/** Operations on one operand. */
public enum UnaryOp {
  /** Negation of an int or float. */
  NEG(null, null),
  /** Absolute value of an int or float. */
  ABS(null, null),
  NOT(ScalarType.BOOL, ScalarType.BOOL),
  BIT_NOT(ScalarType.INT, ScalarType.INT),
  /** {@code float(i)}, rounded to nearest even. */
  TO_FLOAT(ScalarType.INT, ScalarType.FLOAT),
  /** {@code int(x)}: toward zero, saturating at the 32-bit range, NaN to 0. */
  TO_INT(ScalarType.FLOAT, ScalarType.INT),
  EXP(ScalarType.FLOAT, ScalarType.FLOAT),
  EXP2(ScalarType.FLOAT, ScalarType.FLOAT),
  LOG(ScalarType.FLOAT, ScalarType.FLOAT),
  LOG2(ScalarType.FLOAT, ScalarType.FLOAT),
  SQRT(ScalarType.FLOAT, ScalarType.FLOAT),
  RSQRT(ScalarType.FLOAT, ScalarType.FLOAT),
  TANH(ScalarType.FLOAT, ScalarType.FLOAT),
  /** tanh to within 2⁻¹¹: the function of the same value that devices have as one instruction. */
  FAST_TANH(ScalarType.FLOAT, ScalarType.FLOAT),
  ERF(ScalarType.FLOAT, ScalarType.FLOAT),
  SIN(ScalarType.FLOAT, ScalarType.FLOAT),
  COS(ScalarType.FLOAT, ScalarType.FLOAT);

  private final @Nullable ScalarType operand;
  private final @Nullable ScalarType result;

  UnaryOp(@Nullable ScalarType operand, @Nullable ScalarType result) {
    this.operand = operand;
    this.result = result;
  }

  /** The operand's type, or null where int and float are both accepted. */
  public @Nullable ScalarType operand() {
    return operand;
  }

  /** The result's type, or null where it is the operand's. */
  public @Nullable ScalarType result() {
    return result;
  }
}
