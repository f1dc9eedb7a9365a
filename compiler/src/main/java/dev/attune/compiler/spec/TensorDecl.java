package dev.attune.compiler.spec;

import java.util.List;
import java.util.Optional;

/**
 * A captured tensor, stored row-major without gaps: int as int32, float as float32, bool as one
 * byte.
 *
 * @param shape the extent of each dimension: an int expression over sizes, constants and int params
 * @param nondecreasing each row along the last dimension never decreases
 * @param range declared bounds of the values ({@code in lo..hi}, inclusive)
 * @param differentiable the backward pass is asked for its gradient
 */
public record TensorDecl(
    String name,
    ScalarType type,
    List<Expr> shape,
    boolean nondecreasing,
    Optional<ParamDecl.Range> range,
    boolean differentiable,
    Origin origin) {
  public TensorDecl {
    shape = List.copyOf(shape);
  }
}
