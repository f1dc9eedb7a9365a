package dev.attune.ptx.select;

import dev.attune.ptx.Operand;
import org.jspecify.annotations.Nullable;

/**
 * The element at which an expression is evaluated. Positions may lie past the ends in the last
 * tiles; what indexes memory uses the positions inside, which never do.
 *
 * @param h the query head; none: that of the item
 * @param score the raw product, where there is one
 */
public record Site(
    @Nullable IntVal h,
    @Nullable IntVal q,
    @Nullable IntVal qInside,
    @Nullable IntVal kv,
    @Nullable IntVal kvInside,
    @Nullable Operand score) {

  /** No element: for what is uniform. */
  public static final Site UNIFORM = new Site(null, null, null, null, null, null);
}
