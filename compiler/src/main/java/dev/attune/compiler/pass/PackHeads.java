package dev.attune.compiler.pass;

import dev.attune.compiler.analysis.KvTiles;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.Position;
import dev.attune.compiler.tile.TileKernel;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The query heads of a group share an item: where a head has few rows, most of a tile would be
 * idle, and the keys and values of the group be read once for each of its heads. Scores, masks,
 * sinks and weights may differ by head, for they are evaluated by row; the tiles that an item
 * visits may not.
 */
public final class PackHeads {
  static final Pass PASS =
      new Pass(
          "pack-heads",
          "the query heads of a group share a tile: its rows are (query, head of the group)",
          PackHeads::rewrite);

  /** Whether bounds depend on the head does not depend on the size of a tile. */
  private static final int SOME = 64;

  private PackHeads() {}

  /** Why the heads of a group cannot share a tile; empty where they can. */
  public static Optional<String> refuses(AttentionSpec spec) {
    KvTiles tiles = KvTiles.of(spec, SOME, SOME);
    Stream<Expr> range =
        Stream.of(
                Optional.of(tiles.from()),
                Optional.of(tiles.last()),
                tiles.fullFrom(),
                tiles.fullTo())
            .flatMap(Optional::stream);
    Stream<Expr> test = tiles.tested().stream().flatMap(t -> t.parts().stream());
    return Stream.concat(range, test)
        .filter(e -> Exprs.uses(e, new Expr.At(Position.H)::equals))
        .findFirst()
        .map(e -> "the keys that a tile visits depend on the query head: " + Exprs.print(e));
  }

  private static TileKernel rewrite(TileKernel kernel) {
    refuses(kernel.spec())
        .ifPresent(
            why -> {
              throw new IllegalArgumentException(
                  "the heads of %s cannot share a tile: %s".formatted(kernel.spec().name(), why));
            });
    return kernel.pack();
  }
}
