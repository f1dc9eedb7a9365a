package dev.attune.compiler.analysis;

import dev.attune.compiler.spec.Expr;
import java.util.Optional;

/** Keys that are live for every row of a tile. */
public sealed interface FullKeys {

  /** No such keys are known. */
  record None(String why) implements FullKeys {}

  /**
   * Every key from {@code first} to {@code last}, inclusive, within [0, Skv), is live for every row
   * of the tile; no key where {@code first > last}. An absent end is the end of the sequence.
   */
  record Between(Optional<Expr> first, Optional<Expr> last) implements FullKeys {}
}
