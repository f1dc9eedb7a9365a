package dev.attune.compiler.pass;

import dev.attune.compiler.spec.Output;
import dev.attune.compiler.tile.Op;
import dev.attune.compiler.tile.TileKernel;
import java.util.List;

/**
 * A row keeps its maximum until it grew by more than the threshold, so that most tiles leave the
 * accumulator untouched. Weights reach 2^threshold, which both dtypes hold at full precision. A
 * spec that asks for the largest score keeps the exact maximum.
 */
final class LazyRescale {
  private LazyRescale() {}

  static Pass pass(int threshold) {
    return new Pass(
        "lazy-rescale",
        "the accumulator is rescaled only when a row maximum grew by more than 2^" + threshold,
        kernel ->
            kernel.spec().outputs().contains(Output.MAX_SCORE)
                ? kernel
                : rewrite(kernel, threshold));
  }

  private static TileKernel rewrite(TileKernel kernel, int threshold) {
    return kernel.withBody(lazy(kernel.body(), threshold));
  }

  private static List<Op> lazy(List<Op> ops, int threshold) {
    return ops.stream()
        .map(
            op ->
                switch (op) {
                  case Op.For f -> f.withBody(lazy(f.body(), threshold));
                  case Op.Rescale r ->
                      new Op.Rescale(
                          r.max(),
                          r.sumOut(),
                          r.alpha(),
                          r.oldMax(),
                          r.newMax(),
                          r.sum(),
                          new Op.Rule.Lazy(threshold));
                  default -> op;
                })
        .toList();
  }
}
