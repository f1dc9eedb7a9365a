package dev.attune.compiler.tile;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.attune.compiler.random.Case;
import dev.attune.compiler.random.Exactness;
import dev.attune.compiler.reference.Inputs.Distribution;
import dev.attune.compiler.reference.Problem;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.Operand;
import dev.attune.compiler.spec.Shape;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Roles, work items and issued products as the interpreter runs them. */
class RolesTest {
  private static final int SEEDS = 12;

  private static Case problem(int seq, int kvSeq, long seed) {
    return new Case(
        HandBuilt.spec(),
        Dtype.BF16,
        new Shape(2, 4, 2, seq, kvSeq, HandBuilt.DIM),
        0.25,
        Map.of(),
        Distribution.NORMAL,
        seed);
  }

  @ParameterizedTest
  @CsvSource({"0, 5", "5, 0", "1, 1", "1, 70", "70, 1", "32, 16", "33, 17", "31, 47", "96, 96"})
  void equalsTheReference(int seq, int kvSeq) {
    for (long seed = 0; seed < 3; seed++) {
      Exactness reference = new Exactness(problem(seq, kvSeq, seed));
      reference.check("two roles", HandRoles.kernel());
      reference.check("two roles of one item", HandRoles.oneItem());
      reference.check("one role", HandRoles.oneRole());
    }
  }

  @ParameterizedTest
  @EnumSource(Op.Staging.class)
  void equalsTheReferenceHoweverTheOutputLeaves(Op.Staging staging) {
    for (int stages = 1; stages <= 3; stages++) {
      TileKernel kernel = HandRoles.kernel(stages, staging, 0);
      for (long seed = 0; seed < 3; seed++) {
        new Exactness(problem(70, 50, seed)).check(stages + " stages, " + staging, kernel);
      }
    }
  }

  @Test
  void theSeedOfTheInterleavingChangesNothing() {
    Problem inputs = problem(70, 96, 1).problem();
    TileInterpreter.Result once = run(HandRoles.kernel(), inputs, 0);
    for (long seed = 1; seed < SEEDS; seed++) {
      TileInterpreter.Result again = run(HandRoles.kernel(), inputs, seed);
      assertArrayEquals(once.o(), again.o());
      assertArrayEquals(once.lse().orElseThrow(), again.lse().orElseThrow());
      assertEquals(once.tiles(), again.tiles());
    }
  }

  @Test
  void countsTheTilesOfEachCopyOfTheConsumer() {
    Map<Op.Phase, Long> tiles = run(HandRoles.kernel(), problem(64, 64, 1).problem(), 1).tiles();
    // By hand, rows of a copy and keys of a tile both 16: copy r of 4 sees tiles 0 to r, of which
    // the diagonal is before the loops; of the item's tiles only the first copy leaves out one.
    assertEquals(8L * (0 + 1 + 2 + 3), tiles.get(Op.Phase.BULK));
    assertEquals(0, tiles.get(Op.Phase.MASKED));
    assertEquals(8L * (1 + 1), tiles.get(Op.Phase.EMPTY));
  }

  @Test
  void aResultIsNotReadBeforeItHasBeenAwaited() {
    assertFails(
        changed(op -> op.equals(new Op.Await(1)) ? List.of(new Op.Await(2)) : List.of(op)),
        "is read before it has been awaited");
  }

  @Test
  void anOperandReleasedInFlightIsDamaged() {
    // The last release and the await before it change places.
    TileKernel early =
        changed(
            op -> {
              if (!(op instanceof Op.ForItems loop)
                  || !(loop.items() instanceof Op.Items.Received)) {
                return List.of(op);
              }
              List<Op> body = new ArrayList<>(loop.body());
              int release = body.lastIndexOf(new Op.Release(HandBuilt.values(2)));
              Collections.swap(body, release - 1, release);
              return List.of(new Op.ForItems(loop.items(), body));
            });
    assertThrows(InvalidTileKernelException.class, () -> TileVerifier.verify(early));
    List<Boolean> shown = LongStream.range(0, SEEDS).mapToObj(s -> differs(early, s)).toList();
    assertTrue(shown.contains(true), shown::toString);
  }

  @Test
  void theQueryIsGoneOnceTheOutputTakesItsBuffer() {
    TileKernel kernel =
        changed(
            op ->
                op instanceof Op.Fill f && f.out().name().equals("O0")
                    ? List.of(
                        op,
                        new Op.Cast(HandBuilt.half("Z", 16, 8), f.out()),
                        new Op.Store(Operand.O, HandBuilt.half("Z", 16, 8), Op.Staging.QUERY))
                    : op instanceof Op.Store ? List.of() : List.of(op));
    double[] lse = run(kernel, problem(32, 32, 1).problem(), 1).lse().orElseThrow();
    assertTrue(Double.isNaN(lse[0]));
  }

  @Test
  void namesWhoWaitsForWhat() {
    assertFails(
        changed(
            op ->
                op instanceof Op.Release r && r.channel().operand() == Operand.K
                    ? List.of()
                    : List.of(op)),
        "CTA 0 producer at put K[",
        "] waits for ever for a free stage; ",
        "= get K waits for ever for a tile; ");
    assertFails(
        changed(
            op ->
                op instanceof Op.Put p && p.channel().operand() == Operand.Q
                    ? List.of()
                    : List.of(op)),
        "CTA 0 consumer 1 at for items waits for ever for an item with channel Q");
  }

  @Test
  void aTileTooManyIsLeft() {
    Op.Put last = new Op.Put(HandBuilt.values(1), HandBuilt.integer("from"), 0, Optional.empty());
    TileKernel kernel =
        HandRoles.changed(
            HandRoles.oneItem(), op -> op.equals(last) ? List.of(op, op) : List.of(op));
    assertFails(kernel, "tiles are left in channel V");
  }

  @Test
  void everyRowIsWrittenOnce() {
    assertFails(
        changed(op -> op instanceof Op.StoreRow ? List.of() : List.of(op)),
        "row 0 of LSE is written 0 times");
    assertFails(
        changed(op -> op instanceof Op.StoreRow ? List.of(op, op) : List.of(op)),
        "row 0 of LSE is written 2 times");
  }

  @Test
  void itemsAreClaimedOnce() {
    assertFails(
        changed(op -> op instanceof Op.Claim ? List.of() : List.of(op)),
        "producer: no item is claimed");
    assertFails(
        changed(op -> op instanceof Op.Claim ? List.of(op, op) : List.of(op)),
        "an item has been claimed already");
  }

  @Test
  void productsAreAwaited() {
    assertFails(
        changed(
            op ->
                op instanceof Op.StoreRow
                    ? List.of(
                        op,
                        new Op.Issue(
                            new Op.Dot(
                                HandBuilt.tile("X", 16, 16),
                                HandBuilt.half("OH", 16, 8),
                                HandBuilt.half("OH", 16, 8),
                                true,
                                Optional.empty())))
                    : List.of(op)),
        "X is never awaited");
  }

  private static TileKernel changed(Function<Op, List<Op>> change) {
    return HandRoles.changed(HandRoles.kernel(), change);
  }

  /** Whatever the seed, the kernel is refused. */
  private static void assertFails(TileKernel kernel, String... expected) {
    Problem inputs = problem(64, 64, 1).problem();
    for (long seed = 0; seed < SEEDS; seed++) {
      long of = seed;
      String message =
          String.valueOf(
              assertThrows(InvalidTileKernelException.class, () -> run(kernel, inputs, of))
                  .getMessage());
      for (String part : expected) {
        assertTrue(message.contains(part), message);
      }
    }
  }

  private static boolean differs(TileKernel kernel, long seed) {
    try {
      new Exactness(problem(64, 64, seed)).check("a change", kernel);
      return false;
    } catch (AssertionError e) {
      assertTrue(String.valueOf(e.getMessage()).contains("interpreter NaN"), e::getMessage);
      return true;
    }
  }

  private static TileInterpreter.Result run(TileKernel kernel, Problem p, long seed) {
    return TileInterpreter.run(
        kernel, p.bindings(), p.q(), p.k(), p.v(), new TileInterpreter.Options(true, seed));
  }
}
