package dev.attune.compiler.spec;

import java.util.Optional;

/**
 * A run-time scalar. Changing its value never recompiles.
 *
 * @param defaultValue the value when a launch gives none; of kind {@link Expr.IntConst}, {@link
 *     Expr.FloatConst} or {@link Expr.BoolConst}
 * @param condition what every value must satisfy, over this parameter alone
 * @param range values the condition admits: for INT within ±2³⁰, for FLOAT any, for BOOL [0, 1]
 */
public record ParamDecl(
    String name,
    ScalarType type,
    Expr defaultValue,
    Optional<Clause> condition,
    Range range,
    Origin origin) {

  /** The magnitude an int parameter may have, so that index arithmetic on it stays analysable. */
  public static final long INT_LIMIT = 1L << 30;

  /** A closed range; infinite ends for floats without a bound. */
  public record Range(double low, double high) {}
}
