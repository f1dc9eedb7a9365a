package dev.attune.compiler.pass;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.attune.compiler.random.Case;
import dev.attune.compiler.random.Exactness;
import dev.attune.compiler.reference.Inputs.Distribution;
import dev.attune.compiler.schedule.Schedule;
import dev.attune.compiler.schedule.Schedule.Hopper.Output;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.compiler.spec.Position;
import dev.attune.compiler.spec.Shape;
import dev.attune.compiler.tile.InvalidTileKernelException;
import dev.attune.compiler.tile.Lowering;
import dev.attune.compiler.tile.Op;
import dev.attune.compiler.tile.TileKernel;
import dev.attune.compiler.tile.TileVerifier;
import dev.attune.compiler.tile.Type;
import dev.attune.compiler.tile.Value;
import dev.attune.compiler.tile.WorkOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Items that hold the rows of all query heads of a group. */
final class PackHeadsTest {
  private static final HeadDim DIM = new HeadDim(8, 8);
  private static final Schedule.Hopper PACKED =
      new Schedule.Hopper(32, 1, 2, false, Output.DIRECT, false, true, false, 8, "test").pack();

  @ParameterizedTest
  @CsvSource({"1, 70", "2, 33", "3, 22", "4, 16", "5, 13", "7, 1", "8, 9", "64, 2"})
  void everyGroupEqualsTheReference(int group, int queries) {
    AttentionSpec spec =
        Compiled.spec(
            "heads",
            "score = score * scale - 0.25 * (h + 1) * (q - kv)\nsink = 0.5 * h\n"
                + "mask = causal_bottom_right");
    Case problem =
        new Case(
            spec,
            Dtype.BF16,
            new Shape(2, 2 * group, 2, queries, 45, DIM),
            0.5,
            Map.of(),
            Distribution.NORMAL,
            11);
    TileKernel kernel = Compiled.hopper(spec, problem.dtype(), DIM, PACKED);
    new Exactness(problem).check("group " + group, kernel);
    assertEquals(
        Math.ceilDiv(queries, 64 / group), WorkOrder.queryTiles(kernel, problem.shape()), "tiles");
  }

  @Test
  void aGroupOfMoreHeadsThanRowsIsRefused() {
    TileKernel kernel = Compiled.hopper("mask = causal", PACKED);
    IllegalArgumentException e =
        assertThrows(IllegalArgumentException.class, () -> kernel.positions(65));
    assertEquals("items of 64 rows, but groups of 65 query heads", e.getMessage());
  }

  @Test
  void tilesThatDependOnTheHeadAreNotShared() {
    AttentionSpec spec = Compiled.spec("strided", "mask = q - 16 * h <= kv <= q");
    String why = PackHeads.refuses(spec).orElseThrow();
    assertTrue(
        PackHeads.refuses(Compiled.spec("test", "mask = (kv + h) % 3 != 0")).isPresent(),
        "tiles that are tested with the head");
    assertTrue(why.startsWith("the keys that a tile visits depend on the query head: "), why);
    IllegalArgumentException e =
        assertThrows(
            IllegalArgumentException.class, () -> Compiled.hopper(spec, Dtype.BF16, DIM, PACKED));
    assertEquals("the heads of strided cannot share a tile: " + why, e.getMessage());
  }

  @Test
  void aMaskOfWhichNoTileDependsOnTheHeadIsShared() {
    assertEquals(
        Optional.empty(),
        PackHeads.refuses(
            Compiled.spec("test", "tensor live : bool[Hq, Skv]\nmask = live[h, kv]")));
    assertEquals(
        Optional.empty(),
        PackHeads.refuses(Compiled.spec("test", "mask = q - 16 * hkv <= kv <= q")));
  }

  @Test
  void scalarsOfAPackedKernelMayNotReadTheHead() {
    TileKernel kernel =
        Lowering.forward(Compiled.spec("test", "mask = causal"), Dtype.BF16, DIM, PACKED);
    List<Op> body = new ArrayList<>(kernel.body());
    body.addFirst(new Op.Scalar(new Value("x", new Type.Int()), new Expr.At(Position.H)));
    TileKernel byHead = TileVerifier.verify(kernel.withBody(body));
    InvalidTileKernelException e =
        assertThrows(InvalidTileKernelException.class, () -> TileVerifier.verify(byHead.pack()));
    assertEquals("x: Int = h: h may not be read here", e.getMessage());
  }
}
