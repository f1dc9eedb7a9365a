package dev.attune.compiler.spec;

/** Comparisons. On floats all but {@link #NE} are false where an operand is NaN. */
public enum CompareOp {
  LT("<"),
  LE("<="),
  GT(">"),
  GE(">="),
  EQ("=="),
  NE("!=");

  private final String symbol;

  CompareOp(String symbol) {
    this.symbol = symbol;
  }

  /** The operator as it is written in a {@code .attn} file. */
  public String symbol() {
    return symbol;
  }

  /** The comparison that holds exactly where this one, with its operands exchanged, holds. */
  public CompareOp swapped() {
    return switch (this) {
      case LT -> GT;
      case LE -> GE;
      case GT -> LT;
      case GE -> LE;
      case EQ -> EQ;
      case NE -> NE;
    };
  }

  /** The comparison that holds, for ints, exactly where this one does not. */
  public CompareOp negated() {
    return switch (this) {
      case LT -> GE;
      case LE -> GT;
      case GT -> LE;
      case GE -> LT;
      case EQ -> NE;
      case NE -> EQ;
    };
  }
}
