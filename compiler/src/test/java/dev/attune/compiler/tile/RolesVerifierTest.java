package dev.attune.compiler.tile;

import static dev.attune.compiler.spec.Exprs.of;
import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.attune.compiler.spec.Clause;
import dev.attune.compiler.spec.Operand;
import dev.attune.compiler.spec.Origin;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** One broken kernel for each rule of roles, work items and issued products. */
class RolesVerifierTest {
  private static final Value QUERY = HandBuilt.half("Q", 16, 24);
  private static final Value WEIGHTS = HandBuilt.half("PHp", 16, 16);
  private static final Value SQUARE = HandBuilt.tile("X", 16, 16);

  @Test
  void acceptsEveryForm() {
    assertAll(
        Stream.of(Op.Staging.values())
            .map(staging -> () -> TileVerifier.verify(HandRoles.kernel(1, staging, 0))));
    TileVerifier.verify(HandRoles.oneItem());
    TileVerifier.verify(HandRoles.oneRole());
  }

  @Test
  void productsInFlight() {
    Value sum = HandBuilt.tile("X", 16, 8);
    Value output = HandBuilt.half("OH", 16, 8);
    assertAll(
        () ->
            rejected(
                before("exp2(Lp - mp)", new Op.Issue(squared("X"))),
                "for masked jx",
                "the product X is not awaited before"),
        () ->
            rejected(
                after(
                    "issue dot(Q, Kp",
                    new Op.ScaleRows(SQUARE, HandBuilt.tile("Sp", 16, 16), row("m0"))),
                "scaleRows(Sp, m0)",
                "Sp is read before it has been awaited"),
        () ->
            rejected(
                after(
                    "issue dot(PInx",
                    new Op.ScaleRows(sum, HandBuilt.tile("OInx", 16, 8), row("mInx"))),
                "scaleRows(OInx, mInx)",
                "OInx is read while a product adds to it"),
        () ->
            rejected(
                changed("await all but 1", op -> List.of(new Op.Await(2))),
                "release K",
                "Kx is still read by the product Sx"),
        () ->
            rejected(
                before("scaleRows(Onx, ax)", new Op.Issue(squared("X"))),
                "for masked jx",
                "the product X is not awaited before"),
        () ->
            rejected(
                before(
                    "store lse",
                    new Op.Issue(new Op.Dot(SQUARE, output, output, true, Optional.empty()))),
                "for items received with Q",
                "the product X is not awaited before"),
        () ->
            rejected(
                changed("await all but 1", op -> List.of(new Op.Await(-1))),
                "await all but -1",
                "fewer than no products"));
  }

  @Test
  void sidesOfChannels() {
    Channel keys = HandBuilt.keys(2);
    Value key = HandBuilt.half("X", 16, 24);
    Value query = HandBuilt.half("Q", 32, 24);
    Op.Put put = new Op.Put(keys, HandBuilt.integer("from"), 0, Optional.empty());
    Op.Roles roles = (Op.Roles) HandRoles.kernel().body().getFirst();
    Op.Role third =
        new Op.Role(
            "third",
            1,
            List.of(
                new Op.ForItems(
                    new Op.Items.Received(HandRoles.QUERIES),
                    List.of(
                        new Op.Get(query, HandRoles.QUERIES), new Op.Release(HandRoles.QUERIES)))));
    Channel nobodys = new Channel("W", Operand.V, HandBuilt.values(1).type(), 1);
    assertAll(
        () -> rejected(before("m0: ", put), "put K[from]", "each of 2 copies puts"),
        () ->
            rejected(
                before("claim", new Op.Get(key, keys), new Op.Release(keys)),
                "get K",
                "role producer is on both sides of channel K"),
        () ->
            rejected(
                HandRoles.kernel(roles.roles().get(0), third, roles.roles().get(1)),
                "get Q",
                "role third gets from channel Q already"),
        () ->
            rejected(
                before("claim", new Op.Put(nobodys, put.index(), 0, Optional.empty())),
                "kernel causal_sink",
                "no role gets from channel W"),
        () ->
            rejected(
                changed(op -> op instanceof Op.Put p && p.channel().name().equals("V"), List.of()),
                "kernel causal_sink",
                "no role puts into channel V"),
        () ->
            rejected(
                before("claim", new Op.Put(HandBuilt.keys(3), put.index(), 0, Optional.empty())),
                "put K[from]",
                "two channels are named K"));
  }

  @Test
  void tilesHeld() {
    Channel keys = HandBuilt.keys(2);
    Value key = HandBuilt.half("X", 16, 24);
    Value other = HandBuilt.half("Y", 16, 24);
    assertAll(
        () ->
            rejected(
                before("Kp: ", new Op.Get(key, keys), new Op.Get(other, keys)),
                "Kp: Tile<16 x 24, half> = get K",
                "all 2 stages of the channel are held"),
        () ->
            rejected(
                changed("release V", op -> List.of()),
                "for empty jskip",
                "a tile of channel V is held across an iteration"),
        () ->
            rejected(
                changed("release Q", op -> List.of()),
                "for items received with Q",
                "Q of channel Q is never released"),
        () ->
            rejected(
                after("Q: Tile<16 x 24, half> = get Q", new Op.Release(HandRoles.QUERIES)),
                "issue dot(Q, Kp",
                "Q is read after its release"),
        () ->
            rejected(
                changed(
                    op -> op instanceof Op.For f && f.phase() == Op.Phase.EMPTY,
                    op -> List.of(carrying((Op.For) op))),
                "for empty jskip",
                "the buffer Q is carried"),
        () ->
            rejected(
                before("= cast(N)", new Op.Copy(HandBuilt.half("X", 16, 16), WEIGHTS)),
                "copy(PHp)",
                "PHp is in registers already"));
  }

  private static Op carrying(Op.For loop) {
    Value param = HandBuilt.half("X", 16, 24);
    return new Op.For(
        loop.phase(),
        loop.index(),
        loop.from(),
        loop.to(),
        loop.direction(),
        List.of(new Op.Carried(param, QUERY, HandBuilt.half("Y", 16, 24))),
        loop.body(),
        List.of(param));
  }

  @Test
  void theQuerysBuffer() {
    Op.Release release = new Op.Release(HandRoles.QUERIES);
    assertAll(
        () ->
            rejected(
                before("store o", release),
                "store o, OH through the query's buffer",
                "expected one tile of Q held, found 0"),
        () ->
            rejected(
                after("store o", new Op.Issue(squared("X"))),
                "issue dot(Q, Q transposed)",
                "Q is read after O has taken its buffer"),
        () ->
            rejected(
                before("store o", new Op.Issue(squared("X"))),
                "store o, OH through the query's buffer",
                "Q is still read by the product X"));
  }

  @Test
  void items() {
    Op.Claim claim = new Op.Claim();
    Op.Roles roles = (Op.Roles) HandRoles.kernel().body().getFirst();
    Op.Role producer = roles.roles().get(0);
    Op.Role consumer = roles.roles().get(1);
    Op.ForItems consuming = (Op.ForItems) consumer.body().getFirst();
    String once = "the next item is claimed once, outside the loops of the body";
    assertAll(
        () -> rejected(changed("claim", op -> List.of()), "for items claimed", once),
        () -> rejected(after("claim", claim), "for items claimed", once),
        () -> rejected(after("release K", claim), "for items claimed", once),
        () ->
            rejected(
                HandRoles.changed(
                    HandRoles.kernel(),
                    op ->
                        op instanceof Op.Claim
                            ? List.of()
                            : TilePrinter.print(op).equals("put V[j + 1]")
                                ? List.of(op, claim)
                                : List.of(op)),
                "for items claimed",
                once),
        () ->
            rejected(
                HandRoles.changed(
                    HandRoles.oneItem(),
                    op -> op instanceof Op.StoreRow ? List.of(op, claim) : List.of(op)),
                "kernel causal_sink",
                "an item is claimed outside a loop over claimed items"),
        () ->
            rejected(
                HandRoles.kernel(producer, new Op.Role("consumer", 2, consuming.body())),
                "kernel causal_sink",
                "a loop over items is the whole body of consumer, or of no role"),
        () ->
            rejected(
                HandRoles.kernel(
                    producer,
                    new Op.Role(
                        "consumer",
                        2,
                        List.of(new Op.ForItems(new Op.Items.Claimed(0), consuming.body())))),
                "kernel causal_sink",
                "expected one loop over claimed items, found 2"),
        () ->
            rejected(
                HandRoles.kernel(
                    producer,
                    new Op.Role(
                        "consumer",
                        2,
                        List.of(new Op.ForItems(consuming.items(), List.of(consuming))))),
                "kernel causal_sink",
                "a loop over items within another"),
        () ->
            rejected(
                HandRoles.kernel(
                    producer,
                    new Op.Role(
                        "consumer",
                        2,
                        List.of(
                            new Op.ForItems(
                                new Op.Items.Received(HandBuilt.keys(2)), consuming.body())))),
                "for items received with K",
                "an item has one tile of channel K, got outside the loops of the body"),
        () ->
            rejected(
                changed(
                    "put Q",
                    op ->
                        List.of(
                            new Op.Put(
                                HandRoles.QUERIES,
                                HandBuilt.integer("i"),
                                0,
                                Optional.of(HandBuilt.integer("to"))))),
                "for items received with Q",
                "the role that claims puts one tile of channel Q for each item"));
  }

  @Test
  void roles() {
    TileKernel kernel = HandRoles.kernel();
    Op.Roles roles = (Op.Roles) kernel.body().getFirst();
    Op.Role producer = roles.roles().get(0);
    Op.Role consumer = roles.roles().get(1);
    assertAll(
        () ->
            rejected(
                kernel.withBody(List.of(new Op.Scalar(HandBuilt.integer("x"), of(0L)), roles)),
                "kernel causal_sink",
                "roles are the whole body of a kernel"),
        () -> rejected(kernel.withBody(List.of(new Op.Roles(List.of()))), "roles", "no roles"),
        () ->
            rejected(
                HandRoles.kernel(producer, new Op.Role("producer", 2, consumer.body())),
                "kernel causal_sink",
                "two roles are named producer"),
        () ->
            rejected(
                HandRoles.kernel(producer, new Op.Role("consumer", 3, consumer.body())),
                "roles",
                "32 rows among 3 copies of consumer"),
        () ->
            rejected(
                HandRoles.kernel(producer, new Op.Role("consumer", 1, consumer.body())),
                "Q: Tile<16 x 24, half> = get Q",
                "Q is Tile<16 x 24, half>, expected Tile<32 x 24, half>"));
  }

  @Test
  void expressions() {
    Origin origin = new Origin("t.attn", 1);
    assertAll(
        () ->
            rejected(
                limited(new Clause(HandBuilt.KV, origin)), "limit(Tp", "kv may not be read here"),
        () ->
            rejected(limited(new Clause(of(1.0), origin)), "limit(Tp", "expected int, found float"),
        () ->
            rejected(
                HandBuilt.kernel()
                    .withBody(
                        List.of(new Op.Scalar(HandBuilt.integer("x"), TileKernel.ROLE_FIRST))),
                "x: Int = role_first",
                "role_first may not be read here"),
        () ->
            rejected(
                changed(
                    "put Q",
                    op -> List.of(new Op.Put(HandRoles.QUERIES, i(), 1, Optional.empty()))),
                "put Q[i + 1]",
                "Q has one tile"));
  }

  @Test
  void tilesPutAheadAscend() {
    TileKernel kernel = HandBuilt.kernel();
    rejected(
        kernel.withBody(
            kernel.body().stream()
                .map(
                    op ->
                        op instanceof Op.For f
                            ? new Op.For(
                                f.phase(),
                                f.index(),
                                f.from(),
                                f.to(),
                                Op.Direction.DESCENDING,
                                f.carried(),
                                f.body(),
                                f.yields())
                            : op)
                .toList()),
        "for bulk jb in [from, bulkTo) descending",
        "tiles of channel K are put ahead in ascending order");
  }

  private static TileKernel limited(Clause last) {
    return changed(
        Op.Limit.class::isInstance,
        op -> {
          Op.Limit o = (Op.Limit) op;
          return List.of(
              new Op.Limit(
                  o.out(), o.in(), o.first(), Optional.of(last), o.otherwise(), o.index()));
        });
  }

  private static Op.Dot squared(String out) {
    return new Op.Dot(HandBuilt.tile(out, 16, 16), QUERY, QUERY, true, Optional.empty());
  }

  private static Value row(String name) {
    return new Value(name, new Type.Row(16, false));
  }

  private static Value i() {
    return HandBuilt.integer("i");
  }

  /** The kernel with operations added before those of a text, or of a text that has some words. */
  private static TileKernel before(String text, Op... added) {
    return changed(text, op -> Stream.concat(Stream.of(added), Stream.of(op)).toList());
  }

  /** The same with one behind. */
  private static TileKernel after(String text, Op added) {
    return changed(text, op -> List.of(op, added));
  }

  private static TileKernel changed(String text, Function<Op, List<Op>> change) {
    return changed(
        op -> {
          String printed = TilePrinter.print(op);
          return printed.equals(text) || (text.contains(" ") && printed.contains(text));
        },
        change);
  }

  private static TileKernel changed(Predicate<Op> where, List<Op> instead) {
    return changed(where, op -> instead);
  }

  private static TileKernel changed(Predicate<Op> where, Function<Op, List<Op>> change) {
    return HandRoles.changed(
        HandRoles.kernel(), op -> where.test(op) ? change.apply(op) : List.of(op));
  }

  private static void rejected(TileKernel kernel, String operation, String rule) {
    String message =
        String.valueOf(
            assertThrows(InvalidTileKernelException.class, () -> TileVerifier.verify(kernel))
                .getMessage());
    int colon = message.lastIndexOf(": ");
    assertTrue(
        colon > 0
            && message.substring(0, colon).contains(operation)
            && message.substring(colon).contains(rule),
        () -> "expected " + operation + ": " + rule + ", found " + message);
  }
}
