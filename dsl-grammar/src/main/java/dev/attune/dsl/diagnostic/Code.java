package dev.attune.dsl.diagnostic;

import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;

/**
 * Every kind of diagnostic. A code keeps its number and its meaning; {@code docs/errors} has a page
 * for each.
 */
public enum Code {
  NOT_TEXT(1, Severity.ERROR),
  FILE_TOO_LARGE(2, Severity.ERROR),
  NESTED_TOO_DEEPLY(3, Severity.ERROR),
  TOO_COMPLEX(4, Severity.ERROR),
  UNEXPECTED_CHARACTER(5, Severity.ERROR),
  SYNTAX(6, Severity.ERROR),
  NAME_TOO_LONG(7, Severity.ERROR),
  BAD_NUMBER(8, Severity.ERROR),
  COMMENT_OR_DIVISION(9, Severity.WARNING),
  HIDDEN_CHARACTER(10, Severity.ERROR),
  TOO_MANY_ERRORS(11, Severity.ERROR),

  UNKNOWN_NAME(20, Severity.ERROR),
  DUPLICATE_NAME(21, Severity.ERROR),
  SHADOWED_NAME(22, Severity.ERROR),
  IMPORT_NOT_FOUND(23, Severity.ERROR),
  IMPORT_CYCLE(24, Severity.ERROR),
  RECURSIVE_DEFINITION(25, Severity.ERROR),
  WRONG_USE(26, Severity.ERROR),
  UNUSED(27, Severity.WARNING),
  NOTHING_DECLARED(28, Severity.WARNING),

  TYPE_MISMATCH(30, Severity.ERROR),
  ARGUMENT_COUNT(31, Severity.ERROR),
  INDEX_COUNT(32, Severity.ERROR),
  OUT_OF_PLACE(33, Severity.ERROR),
  NOT_CONSTANT(34, Severity.ERROR),
  BAD_TENSOR(35, Severity.ERROR),
  REDUCTION_TOO_LONG(36, Severity.ERROR),
  INT_OVERFLOW(37, Severity.ERROR),

  UNKNOWN_DTYPE(40, Severity.ERROR),
  BAD_HEAD_DIM(41, Severity.ERROR),
  UNKNOWN_OUTPUT(42, Severity.ERROR),
  DUPLICATE_CLAUSE(43, Severity.ERROR),
  CONFLICTING_CLAUSES(44, Severity.ERROR),
  BAD_DEFAULT(45, Severity.ERROR),
  BAD_CONDITION(46, Severity.ERROR),

  NEVER_LIVE(50, Severity.ERROR),
  CONSTANT_COMPARISON(51, Severity.ERROR),
  BAD_SOFTCAP(52, Severity.ERROR),
  DIVISION_BY_ZERO(53, Severity.ERROR),
  INDEX_OUTSIDE(54, Severity.ERROR),
  SCALE_UNUSED(55, Severity.WARNING),
  SCORE_UNUSED(56, Severity.WARNING),
  REDUNDANT_CONDITION(57, Severity.ERROR),
  INDEX_MAY_LEAVE(58, Severity.WARNING);

  private final int number;
  private final Severity severity;

  Code(int number, Severity severity) {
    this.number = number;
    this.severity = severity;
  }

  /** The name users see, such as {@code ATTN006}. */
  public String id() {
    return String.format(Locale.ROOT, "ATTN%03d", number);
  }

  /** How grave every diagnostic of this code is. */
  public Severity severity() {
    return severity;
  }

  /** The code that users see as {@code id}. */
  public static Optional<Code> of(String id) {
    return Arrays.stream(values()).filter(c -> c.id().equals(id)).findFirst();
  }
}
