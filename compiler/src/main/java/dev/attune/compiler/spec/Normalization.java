package dev.attune.compiler.spec;

import java.util.Optional;

/** How scores become the weights of the values. */
public sealed interface Normalization {

  /**
   * Softmax over the live keys of a row.
   *
   * @param sink a logit in natural units added to the denominator only, over b, h and q
   */
  record Softmax(Optional<Clause> sink) implements Normalization {}

  /**
   * No normalisation: {@code O = Σ weight·V} over the live keys; LSE does not exist.
   *
   * @param weight a float expression, in which {@link Expr.Score} is the raw product q·k
   */
  record Weight(Clause weight) implements Normalization {}
}
