package dev.attune.compiler.tile;

import static dev.attune.compiler.spec.Exprs.add;
import static dev.attune.compiler.spec.Exprs.max;
import static dev.attune.compiler.spec.Exprs.min;
import static dev.attune.compiler.spec.Exprs.mul;
import static dev.attune.compiler.spec.Exprs.of;
import static dev.attune.compiler.spec.Exprs.sub;

import dev.attune.compiler.spec.BinaryOp;
import dev.attune.compiler.spec.Clause;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Extent;
import dev.attune.compiler.spec.Normalization;
import dev.attune.compiler.spec.Operand;
import dev.attune.compiler.spec.Origin;
import dev.attune.compiler.spec.Position;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Stream;

/**
 * The problem of {@link HandBuilt} as persistent CTAs compute it: a producer that claims items and
 * a consumer of two copies whose products run ahead of the softmax.
 */
final class HandRoles {
  static final int COPIES = 2;
  static final Op.Staging IN_REGISTERS = Op.Staging.DIRECT;

  private static final int ROWS = HandBuilt.ROWS / COPIES;
  private static final int COLS = HandBuilt.COLS;
  private static final int DV = HandBuilt.DIM.v();

  static final Channel QUERIES =
      new Channel(
          "Q", Operand.Q, new Type.Tile(HandBuilt.ROWS, HandBuilt.DIM.qk(), Type.Element.HALF), 1);

  private final Channel keys;
  private final Channel values;
  private final Op.Staging staging;

  private HandRoles(int stages, Op.Staging staging) {
    this.keys = HandBuilt.keys(stages);
    this.values = HandBuilt.values(stages);
    this.staging = staging;
  }

  /** Two stages, O through the query's buffer, sections of two key/value heads of 16 keys. */
  static TileKernel kernel() {
    return kernel(2, Op.Staging.QUERY, 2 * 16 * (24 + 8) * 2);
  }

  /**
   * The kernel.
   *
   * @param staging of O; the query stays in shared memory unless it is {@link #IN_REGISTERS}
   */
  static TileKernel kernel(int stages, Op.Staging staging, long sectionBytes) {
    HandRoles hand = new HandRoles(stages, staging);
    return kernel(
        new Op.Role(
            "producer",
            1,
            List.of(new Op.ForItems(new Op.Items.Claimed(sectionBytes), hand.producer()))),
        new Op.Role(
            "consumer",
            COPIES,
            List.of(new Op.ForItems(new Op.Items.Received(QUERIES), hand.consumer()))));
  }

  /** The same roles where each CTA has one item. */
  static TileKernel oneItem() {
    HandRoles hand = new HandRoles(1, Op.Staging.OWN);
    return kernel(
        new Op.Role(
            "producer",
            1,
            hand.producer().stream().filter(op -> !(op instanceof Op.Claim)).toList()),
        new Op.Role("consumer", COPIES, hand.consumer()));
  }

  /** {@link HandBuilt#kernel} as persistent CTAs of one role. */
  static TileKernel oneRole() {
    TileKernel kernel = HandBuilt.kernel();
    List<Op> body = new ArrayList<>(List.of(new Op.Claim()));
    body.addAll(kernel.body());
    return kernel.withBody(List.of(new Op.ForItems(new Op.Items.Claimed(0), body)));
  }

  static TileKernel kernel(Op.Role... roles) {
    return HandBuilt.kernel().withBody(List.of(new Op.Roles(List.of(roles))));
  }

  /** A kernel with every operation, in nested bodies too, replaced by others. */
  static TileKernel changed(TileKernel kernel, Function<Op, List<Op>> change) {
    return kernel.withBody(changed(kernel.body(), change));
  }

  private static List<Op> changed(List<Op> ops, Function<Op, List<Op>> change) {
    return ops.stream()
        .map(
            op ->
                switch (op) {
                  case Op.For loop -> loop.withBody(changed(loop.body(), change));
                  case Op.ForItems loop ->
                      new Op.ForItems(loop.items(), changed(loop.body(), change));
                  case Op.Roles roles ->
                      new Op.Roles(
                          roles.roles().stream()
                              .map(
                                  r -> new Op.Role(r.name(), r.copies(), changed(r.body(), change)))
                              .toList());
                  default -> op;
                })
        .flatMap(op -> change.apply(op).stream())
        .toList();
  }

  private static List<Op> bounds() {
    return List.of(
        new Op.Scalar(integer("from"), of(0L)),
        new Op.Scalar(integer("to"), max(of(1L), tilesUpTo(TileKernel.Q_LAST))));
  }

  private List<Op> producer() {
    Value from = integer("from");
    Value to = integer("to");
    Value last = integer("last");
    Value j = integer("j");
    return Stream.of(
            bounds(),
            List.of(
                new Op.Scalar(last, sub(max(of(1L), tilesUpTo(TileKernel.Q_LAST)), of(1L))),
                put(keys, to, -1),
                put(QUERIES, integer("i"), 0),
                descending(
                    Op.Phase.MASKED,
                    j,
                    from,
                    last,
                    List.of(),
                    List.of(put(keys, j, 0), put(values, j, 1)),
                    List.of()),
                new Op.Claim(),
                put(values, from, 0)))
        .flatMap(List::stream)
        .toList();
  }

  private List<Op> consumer() {
    List<Op> ops = new ArrayList<>(bounds());
    Expr to = max(of(1L), tilesUpTo(TileKernel.Q_LAST));
    Expr roleTo = min(to, max(of(1L), tilesUpTo(TileKernel.ROLE_LAST)));
    Expr full = floorDiv(min(new Expr.Size(Extent.SKV), add(TileKernel.ROLE_FIRST, of(1L))), COLS);
    Value last = integer("last");
    Value roleEnd = integer("roleEnd");
    Value fullEnd = integer("fullEnd");
    ops.add(new Op.Scalar(roleEnd, roleTo));
    ops.add(new Op.Scalar(last, sub(roleTo, of(1L))));
    ops.add(new Op.Scalar(fullEnd, min(full, sub(roleTo, of(1L)))));
    Value query = HandBuilt.half("Q", ROWS, HandBuilt.DIM.qk());
    if (staging == IN_REGISTERS) {
      Value buffer = HandBuilt.half("Qbuffer", ROWS, HandBuilt.DIM.qk());
      ops.addAll(
          List.of(
              new Op.Get(buffer, QUERIES), new Op.Copy(query, buffer), new Op.Release(QUERIES)));
    } else {
      ops.add(new Op.Get(query, QUERIES));
    }
    ops.add(new Op.Fill(row("m0"), Double.NEGATIVE_INFINITY));
    ops.add(new Op.Fill(lanes("l0"), 0));
    ops.add(new Op.Fill(output("O0"), 0));
    ops.add(
        descending(
            Op.Phase.EMPTY,
            integer("jskip"),
            roleEnd,
            integer("to"),
            List.of(),
            List.of(
                new Op.Get(HandBuilt.half("Kskip", COLS, HandBuilt.DIM.qk()), keys),
                new Op.Release(keys),
                new Op.Get(HandBuilt.half("Vskip", COLS, DV), values),
                new Op.Release(values)),
            List.of()));
    ops.addAll(scores("p", query));
    ops.add(new Op.Await(0));
    ops.add(new Op.Release(keys));
    ops.addAll(softmax("p", last, true, row("m0"), lanes("l0")));
    ops.add(loop(Op.Phase.MASKED, "x", query, fullEnd, last, "p", "b"));
    ops.add(loop(Op.Phase.BULK, "y", query, integer("from"), fullEnd, "b", "e"));
    if (staging == Op.Staging.OWN) {
      ops.add(new Op.Release(QUERIES));
    }
    ops.addAll(accumulate("e"));
    ops.add(new Op.Await(0));
    ops.add(new Op.Release(values));
    ops.addAll(epilogue());
    return ops;
  }

  /**
   * The loop that starts from the values named {@code before} and ends in those of {@code after}.
   */
  private Op loop(
      Op.Phase phase, String x, Value query, Value from, Value to, String before, String after) {
    Value j = integer("j" + x);
    List<Op> body = new ArrayList<>(scores(x, query));
    body.addAll(accumulate(x));
    body.add(new Op.Await(1));
    body.add(new Op.Release(keys));
    body.addAll(softmax(x, j, phase == Op.Phase.MASKED, row("mIn" + x), lanes("lIn" + x)));
    int waits = body.indexOf(body.stream().filter(Op.Rescale.class::isInstance).findFirst().get());
    body.addAll(waits, List.of(new Op.Await(0), new Op.Release(values)));
    body.add(new Op.ScaleRows(output("Os" + x), output("On" + x), row("a" + x)));
    Value weights = HandBuilt.half("PIn" + x, ROWS, COLS);
    List<Op> renamed =
        body.stream()
            .map(
                op ->
                    Ops.rename(
                        op,
                        v ->
                            op instanceof Op.Issue && v.name().equals("PH" + x)
                                ? weights
                                : v.name().equals("O" + x) ? output("OIn" + x) : v))
            .toList();
    return descending(
        phase,
        j,
        from,
        to,
        List.of(
            new Op.Carried(row("mIn" + x), row("m" + before), row("m" + after)),
            new Op.Carried(lanes("lIn" + x), lanes("l" + before), lanes("l" + after)),
            new Op.Carried(
                output("OIn" + x),
                output(before.equals("p") ? "O0" : "O" + before),
                output("O" + after)),
            new Op.Carried(
                weights,
                HandBuilt.half("PH" + before, ROWS, COLS),
                HandBuilt.half("PH" + after, ROWS, COLS))),
        renamed,
        List.of(
            row("m" + x), lanes("l" + x), output("Os" + x), HandBuilt.half("PH" + x, ROWS, COLS)));
  }

  private List<Op> scores(String x, Value query) {
    Value key = HandBuilt.half("K" + x, COLS, HandBuilt.DIM.qk());
    return List.of(
        new Op.Get(key, keys),
        new Op.Issue(new Op.Dot(tile("S" + x), query, key, true, Optional.empty())));
  }

  private List<Op> accumulate(String x) {
    Value value = HandBuilt.half("V" + x, COLS, DV);
    return List.of(
        new Op.Get(value, values),
        new Op.Issue(
            new Op.Dot(
                output("On" + x),
                HandBuilt.half("PH" + x, ROWS, COLS),
                value,
                false,
                Optional.of(output("O" + x)))));
  }

  private static List<Op> softmax(String x, Value j, boolean masked, Value m, Value l) {
    Origin origin = HandBuilt.spec().score().origin();
    Value live = masked ? tile("L" + x) : tile("T" + x);
    List<Op> ops =
        List.of(
            new Op.Map(
                tile("T" + x),
                tile("S" + x),
                new Clause(mul(HandBuilt.SCALED, of(Lowering.LOG2E)), origin),
                j),
            new Op.Limit(
                live,
                tile("T" + x),
                Optional.empty(),
                Optional.of(new Clause(new Expr.At(Position.Q), HandBuilt.spec().mask().origin())),
                Double.NEGATIVE_INFINITY,
                j),
            new Op.RowMax(row("h" + x), live, of(1.0), m),
            new Op.Rescale(
                row("m" + x),
                lanes("ls" + x),
                row("a" + x),
                m,
                row("h" + x),
                l,
                new Op.Rule.Lazy(2)),
            new Op.Exp2(tile("P" + x), live, of(1.0), row("m" + x), masked),
            new Op.RowSum(lanes("l" + x), tile("P" + x), lanes("ls" + x)),
            new Op.Cast(HandBuilt.half("PH" + x, ROWS, COLS), tile("P" + x)));
    return ops.stream().filter(op -> masked || !(op instanceof Op.Limit)).toList();
  }

  private List<Op> epilogue() {
    Value out = HandBuilt.half("OH", ROWS, DV);
    Clause sink = ((Normalization.Softmax) HandBuilt.spec().normalization()).sink().orElseThrow();
    List<Op> ops =
        new ArrayList<>(
            List.of(
                new Op.ReduceRow(row("l"), lanes("le")),
                new Op.Sink(row("mS"), row("lS"), row("aS"), row("me"), row("l"), sink),
                new Op.ScaleRows(output("OS"), output("One"), row("aS")),
                new Op.Normalize(output("N"), output("OS"), row("lS")),
                new Op.Cast(out, output("N")),
                new Op.Store(Operand.O, out, staging)));
    if (staging == Op.Staging.QUERY) {
      ops.add(new Op.Release(QUERIES));
    }
    ops.add(new Op.LogSumExp(row("lse"), row("mS"), row("lS")));
    ops.add(new Op.StoreRow(Operand.LSE, row("lse")));
    return ops;
  }

  private static Op put(Channel channel, Value index, int ahead) {
    return new Op.Put(channel, index, ahead, Optional.empty());
  }

  private static Op descending(
      Op.Phase phase,
      Value index,
      Value from,
      Value to,
      List<Op.Carried> carried,
      List<Op> body,
      List<Value> yields) {
    return new Op.For(phase, index, from, to, Op.Direction.DESCENDING, carried, body, yields);
  }

  /** One past the last tile with a key at or before a position. */
  private static Expr tilesUpTo(Expr position) {
    Expr end = min(new Expr.Size(Extent.SKV), add(position, of(1L)));
    return floorDiv(add(end, of(COLS - 1L)), COLS);
  }

  private static Expr floorDiv(Expr a, long n) {
    return new Expr.Binary(BinaryOp.FLOOR_DIV, a, of(n));
  }

  private static Value integer(String name) {
    return HandBuilt.integer(name);
  }

  private static Value row(String name) {
    return new Value(name, new Type.Row(ROWS, false));
  }

  private static Value lanes(String name) {
    return new Value(name, new Type.Row(ROWS, true));
  }

  private static Value tile(String name) {
    return HandBuilt.tile(name, ROWS, COLS);
  }

  private static Value output(String name) {
    return HandBuilt.tile(name, ROWS, DV);
  }
}
