package dev.attune.compiler.tile;

import static dev.attune.compiler.spec.Exprs.of;
import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.attune.compiler.spec.Clause;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Operand;
import dev.attune.compiler.spec.Origin;
import dev.attune.compiler.spec.ScalarType;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Predicate;
import org.junit.jupiter.api.Test;

/** One broken kernel for each rule. */
class TileVerifierTest {
  private static final Origin ORIGIN = new Origin("t.attn", 1);
  private static final Expr ONE = of(1.0);

  @Test
  void acceptsTheKernel() {
    assertDoesNotThrow(() -> TileVerifier.verify(HandBuilt.kernel()));
  }

  @Test
  void definitions() {
    rejected(
        outside(op -> op instanceof Op.Load, Op.Load.class, o -> List.of(o, o)),
        "load q[i]",
        "Q is defined twice");
    rejected(
        outside(op -> op instanceof Op.ReduceRow, Op.ReduceRow.class, o -> List.of()),
        "sink(max m2, sum l",
        "l of type Row<32> is not defined here");
    rejected(
        outside(
            op -> op instanceof Op.LogSumExp,
            Op.LogSumExp.class,
            o -> List.of(new Op.LogSumExp(o.out(), HandBuilt.row("mnextc"), o.sum()))),
        "logSumExp(mnextc, lS)",
        "mnextc of type Row<32> is not defined here");
  }

  @Test
  void loads() {
    rejected(
        outside(
            op -> op instanceof Op.Load,
            Op.Load.class,
            o -> List.of(new Op.Load(o.out(), Operand.Q, HandBuilt.integer("from")))),
        "load q[from]",
        "Q is loaded by the kernel's query tile");
    Value wide = HandBuilt.half("Q", 32, 16);
    rejected(
        outside(
            op -> op instanceof Op.Load,
            Op.Load.class,
            o -> List.of(new Op.Load(wide, Operand.Q, o.index()))),
        "Q: Tile<32 x 16, half>",
        "expected Tile<32 x 24, half>");
    rejected(
        outside(
            op -> op instanceof Op.Load,
            Op.Load.class,
            o ->
                List.of(
                    o, new Op.Load(HandBuilt.half("X", 32, 8), Operand.O, HandBuilt.integer("i")))),
        "load o[i]",
        "O is an output");
  }

  @Test
  void types() {
    assertAll(
        () ->
            rejected(
                HandBuilt.changed(
                    op ->
                        op instanceof Op.Dot d && d.transposeB()
                            ? new Op.Dot(d.out(), d.a(), d.b(), false, d.accumulate())
                            : op),
                "dot(Q, Kb)",
                "inner extents 24 and 16"),
        () ->
            rejected(
                HandBuilt.changed(
                    op ->
                        op instanceof Op.Dot d && !d.transposeB()
                            ? new Op.Dot(
                                d.out(), HandBuilt.tile("Pb", 32, 16), d.b(), false, d.accumulate())
                            : op),
                "dot(Pb, Vb)",
                "expected a tile of HALF"),
        () ->
            rejected(
                HandBuilt.changed(
                    op ->
                        op instanceof Op.RowMax m
                            ? new Op.RowMax(m.out(), m.in(), m.factor(), HandBuilt.lanes("lb"))
                            : op),
                "max(lb, rowMax(Tb))",
                "lb is Row<32, partial>, expected Row<32>"),
        () ->
            rejected(
                outside(
                    op -> op.equals(new Op.Fill(HandBuilt.lanes("l0"), 0)),
                    Op.Fill.class,
                    o -> List.of(new Op.Fill(o.out(), 1))),
                "fill 1.0",
                "a partial row is filled with 0 only"),
        () ->
            rejected(
                outside(
                    op -> op instanceof Op.For f && f.phase() == Op.Phase.BULK,
                    Op.For.class,
                    f ->
                        List.of(
                            new Op.For(
                                f.phase(),
                                f.index(),
                                f.from(),
                                f.to(),
                                f.carried(),
                                f.body(),
                                List.of(
                                    f.yields().get(0),
                                    HandBuilt.row("mnextb"),
                                    f.yields().get(2))))),
                "for bulk jb in [from, bulkTo)",
                "mnextb is Row<32>, expected Row<32, partial>"));
  }

  @Test
  void expressions() {
    assertAll(
        () ->
            rejected(
                HandBuilt.changed(
                    op ->
                        op instanceof Op.Exp2 e
                            ? new Op.Exp2(e.out(), e.in(), new Expr.Score(), e.max(), true)
                            : op),
                "exp2((score) * Tb",
                "score may not be read here"),
        () ->
            rejected(
                HandBuilt.changed(
                    op ->
                        op instanceof Op.RowMax m
                            ? new Op.RowMax(m.out(), m.in(), of(-1.0), m.floor())
                            : op),
                "rowMax",
                "the factor must be positive"),
        () ->
            rejected(
                mapped(new Expr.Param("cap", ScalarType.FLOAT)), "map(", "no float parameter cap"),
        () -> rejected(mapped(TileKernel.Q_FIRST), "map(", "expected float, found int"),
        () ->
            rejected(
                mapped(new Expr.Gather("sinks", ScalarType.FLOAT, List.of(of(0L), of(1L)))),
                "map(",
                "no float tensor sinks of rank 2"),
        () -> rejected(scalar(HandBuilt.Q), "from: Int = q", "q may not be read here"),
        () -> rejected(scalar(new Expr.Var(3)), "from: Int = i3", "i3 may not be read here"),
        () -> rejected(scalar(ONE), "from: Int = 1.0", "expected int, found float"));
  }

  private static TileKernel mapped(Expr e) {
    return HandBuilt.changed(
        op ->
            op instanceof Op.Map m
                ? new Op.Map(m.out(), m.in(), new Clause(e, ORIGIN), m.index())
                : op);
  }

  private static TileKernel scalar(Expr e) {
    return outside(
        op -> op instanceof Op.Scalar s && s.out().name().equals("from"),
        Op.Scalar.class,
        s -> List.of(new Op.Scalar(s.out(), e)));
  }

  @Test
  void channels() {
    Predicate<Op> putKeys = op -> op instanceof Op.Put p && p.channel().name().equals("K");
    assertAll(
        () ->
            rejected(
                outside(putKeys, Op.Put.class, p -> List.of()),
                "get K",
                "no tile is in the channel"),
        () ->
            rejected(
                outside(
                    putKeys,
                    Op.Put.class,
                    p -> List.of(p, new Op.Put(p.channel(), p.index(), 2, p.end()))),
                "put K[from + 2], if before to",
                "the next tile of the channel is from + 1"),
        () ->
            rejected(
                outside(
                    putKeys,
                    Op.Put.class,
                    p ->
                        List.of(
                            p,
                            new Op.Put(p.channel(), p.index(), 1, p.end()),
                            new Op.Put(p.channel(), p.index(), 2, p.end()))),
                "put K[from + 2], if before to",
                "all 2 stages of the channel are taken"),
        () ->
            rejected(
                outside(
                    putKeys,
                    Op.Put.class,
                    p -> List.of(new Op.Put(p.channel(), p.index(), 0, Optional.empty()))),
                "put K[jb + 1], if before to",
                "earlier tiles of the channel end elsewhere"),
        () ->
            rejected(
                inLoops(op -> putKeys.test(op) ? List.of() : List.of(op)),
                "for bulk jb",
                "the body does not leave channel K one tile further"),
        () ->
            rejected(
                inLoops(
                    op ->
                        op instanceof Op.Release r && r.channel().name().equals("V")
                            ? List.of()
                            : List.of(op)),
                "for bulk jb",
                "a tile of channel V is held across an iteration"),
        () ->
            rejected(
                inLoops(
                    op ->
                        op instanceof Op.Get g && g.channel().name().equals("K")
                            ? List.of(g, new Op.Release(g.channel()))
                            : List.of(op)),
                "dot(Q, Kb transposed)",
                "Kb is read after its release"),
        () ->
            rejected(
                inLoops(
                    op ->
                        op instanceof Op.Release r && r.channel().name().equals("K")
                            ? List.of(r, r)
                            : List.of(op)),
                "release K",
                "no tile of the channel has been got"),
        () ->
            rejected(
                outside(
                    op -> op instanceof Op.For f && f.phase() == Op.Phase.MASKED,
                    Op.For.class,
                    f ->
                        List.of(
                            new Op.For(
                                f.phase(),
                                f.index(),
                                HandBuilt.integer("from"),
                                f.to(),
                                f.carried(),
                                f.body(),
                                f.yields()))),
                "for masked jc in [from, to)",
                "channel K goes on at bulkTo, the loop at from"),
        () -> rejected(endingAt("bulkTo"), "kernel causal_sink", "tiles are left in channel K"));
  }

  /** The kernel whose last loop ends elsewhere than its puts do. */
  private static TileKernel endingAt(String end) {
    return outside(
        op -> op instanceof Op.For f && f.phase() == Op.Phase.MASKED,
        Op.For.class,
        f ->
            List.of(
                new Op.For(
                    f.phase(),
                    f.index(),
                    f.from(),
                    HandBuilt.integer(end),
                    f.carried(),
                    f.body(),
                    f.yields())));
  }

  @Test
  void outputs() {
    assertAll(
        () ->
            rejected(
                outside(op -> op instanceof Op.Store, Op.Store.class, s -> List.of()),
                "kernel causal_sink",
                "O is never stored"),
        () ->
            rejected(
                outside(op -> op instanceof Op.Store, Op.Store.class, s -> List.of(s, s)),
                "store o, OH",
                "O is stored twice"),
        () ->
            rejected(
                outside(
                    op -> op instanceof Op.StoreRow,
                    Op.StoreRow.class,
                    s -> List.of(s, new Op.StoreRow(Operand.MAX_SCORE, HandBuilt.row("mS")))),
                "kernel causal_sink",
                "MAX_SCORE is stored, and nobody asks for it"),
        () ->
            rejected(
                inLoops(
                    op ->
                        op instanceof Op.RowMax m
                            ? List.of(m, new Op.StoreRow(Operand.LSE, m.out()))
                            : List.of(op)),
                "store lse, hb",
                "a store in a loop"));
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

  /** The kernel with operations outside its loops replaced. */
  private static <T extends Op> TileKernel outside(
      Predicate<Op> where, Class<T> type, Function<T, List<Op>> change) {
    TileKernel kernel = HandBuilt.kernel();
    List<Op> body = new ArrayList<>();
    kernel
        .body()
        .forEach(op -> body.addAll(where.test(op) ? change.apply(type.cast(op)) : List.of(op)));
    return kernel.withBody(body);
  }

  /** The kernel with operations of its loops replaced. */
  private static TileKernel inLoops(Function<Op, List<? extends Op>> change) {
    return outside(
        op -> op instanceof Op.For,
        Op.For.class,
        f ->
            List.of(
                new Op.For(
                    f.phase(),
                    f.index(),
                    f.from(),
                    f.to(),
                    f.carried(),
                    f.body().stream().<Op>flatMap(op -> change.apply(op).stream()).toList(),
                    f.yields())));
  }
}
