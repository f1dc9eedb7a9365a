package dev.attune.compiler.spec;

/** Operations on two operands of one type, with a result of that type. */
public enum BinaryOp {
  ADD(true, true, false),
  SUB(true, true, false),
  MUL(true, true, false),
  /** IEEE division of floats. */
  DIV(false, true, false),
  /** {@code a // b}: the quotient rounded toward minus infinity; 0 where b is 0. */
  FLOOR_DIV(true, false, false),
  /** {@code a % b} = a − b·(a // b), with the sign of b; 0 where b is 0. */
  FLOOR_MOD(true, false, false),
  MIN(true, true, false),
  MAX(true, true, false),
  POW(false, true, false),
  BIT_AND(true, false, false),
  BIT_OR(true, false, false),
  BIT_XOR(true, false, false),
  /** {@code a << n}; n clamped to [0, 63]. */
  SHL(true, false, false),
  /** {@code a >> n}, arithmetic; n clamped to [0, 63]. */
  SHR(true, false, false),
  AND(false, false, true),
  OR(false, false, true);

  private final boolean ints;
  private final boolean floats;
  private final boolean bools;

  BinaryOp(boolean ints, boolean floats, boolean bools) {
    this.ints = ints;
    this.floats = floats;
    this.bools = bools;
  }

  /** Whether operands of the type are accepted. */
  public boolean accepts(ScalarType type) {
    return switch (type) {
      case INT -> ints;
      case FLOAT -> floats;
      case BOOL -> bools;
    };
  }
}
