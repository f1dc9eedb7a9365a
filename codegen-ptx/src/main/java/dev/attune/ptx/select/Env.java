package dev.attune.ptx.select;

import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Extent;
import dev.attune.ptx.Operand;
import dev.attune.ptx.Reg;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Where a kernel keeps what is the same for all elements of a CTA.
 *
 * @param b batch element
 * @param h query head; none where the rows of an item are of several
 * @param hkv key/value head
 * @param sizes the extents in the item's sequence
 * @param launch the extents of the launch: what captured tensors have
 * @param scale the softmax scale
 * @param scaleLog2e the softmax scale times log₂ e
 * @param params declared scalars; bools as 0 and 1
 * @param tensors addresses of the captured tensors
 * @param tile values of the variables of a query tile
 */
public record Env(
    Reg b,
    @Nullable Reg h,
    Reg hkv,
    Map<Extent, Operand> sizes,
    Map<Extent, Operand> launch,
    Reg scale,
    Reg scaleLog2e,
    Map<String, Reg> params,
    Map<String, Reg> tensors,
    Map<Expr.Var, Reg> tile) {
  public Env {
    sizes = Map.copyOf(sizes);
    launch = Map.copyOf(launch);
    params = Map.copyOf(params);
    tensors = Map.copyOf(tensors);
    tile = Map.copyOf(tile);
  }

  /** Whether the sequences of a launch have lengths of their own. */
  boolean ofSequences() {
    return !sizes.equals(launch);
  }

  /** The same with the extents of the launch. */
  Env ofLaunch() {
    return new Env(b, h, hkv, launch, launch, scale, scaleLog2e, params, tensors, tile);
  }

  /** The same with other variables of a tile. */
  public Env withTile(Map<Expr.Var, Reg> variables) {
    return new Env(b, h, hkv, sizes, launch, scale, scaleLog2e, params, tensors, variables);
  }
}
