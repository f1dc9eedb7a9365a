package dev.attune.compiler.pass;

import dev.attune.compiler.tile.Op;
import dev.attune.compiler.tile.Op.Direction;
import dev.attune.compiler.tile.TileKernel;

/**
 * The loop over kv tiles runs from the last to the first: the tile that Skv cuts, which needs its
 * mask, is the one that is visited before the loops.
 */
final class Descend {
  static final Pass PASS =
      new Pass("descend", "kv tiles are visited from the last to the first", Descend::rewrite);

  private Descend() {}

  private static TileKernel rewrite(TileKernel kernel) {
    return kernel.withBody(
        kernel.body().stream()
            .map(op -> op instanceof Op.For loop ? loop.towards(Direction.DESCENDING) : op)
            .toList());
  }
}
