package dev.attune.compiler.tile;

import dev.attune.compiler.spec.Clause;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.Normalization;
import dev.attune.compiler.spec.Operand;
import dev.attune.compiler.spec.Output;
import dev.attune.compiler.spec.Position;
import dev.attune.compiler.spec.ScalarType;
import dev.attune.compiler.tile.Type.Element;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/**
 * What holds of every tile kernel, checked before the first pass and after each.
 *
 * <ul>
 *   <li>A name is defined once, before its uses; what a loop's body defines is not seen outside.
 *   <li>Q is loaded by the kernel's query tile, with {@code rows} rows of Dqk; K and V with {@code
 *       cols} rows of Dqk and Dv; all are HALF, in a channel too.
 *   <li>A product takes HALF tiles whose inner extents agree; its result and what it adds to are
 *       F32. All other arithmetic is on F32 tiles of one shape; rows are as many as the tile's.
 *   <li>Only sums may be partial: what {@code RowSum} starts from and yields, what {@code Rescale}
 *       scales, and what {@code ReduceRow} takes. A partial row is filled with 0 only.
 *   <li>A loop's index and bounds are Ints; each carried value has one type as parameter, start,
 *       yield and result.
 *   <li>The raw score is read in {@code Map} only; a sink depends on b, h, q; factors, scalars and
 *       bounds depend on neither q nor kv, and a constant factor is positive. Params and tensors
 *       are declared by the spec; a variable is bound by a reduction, or is one of the kernel's in
 *       a scalar.
 *   <li>Tiles move along a channel in order: each is put once, got once, released once; at most
 *       {@code stages} are between put and release; an iteration of a loop leaves its channels one
 *       tile further than it found them, or empty if it found them empty; a loop goes on where the
 *       one before it ended; at the end no tile is left. A got tile is not read after its release.
 *   <li>O is stored once, as HALF; LSE once if there is a softmax; the largest score once if the
 *       spec asks for it; nothing in a loop.
 * </ul>
 */
public final class TileVerifier {
  private final TileKernel kernel;
  private final Set<String> names = new HashSet<>();
  private final Set<Operand> stored = new HashSet<>();
  private final ChannelRules channels = new ChannelRules();

  private TileVerifier(TileKernel kernel) {
    this.kernel = kernel;
  }

  /**
   * The kernel, if it keeps all rules.
   *
   * @throws InvalidTileKernelException naming the first operation that breaks one, and the rule
   */
  public static TileKernel verify(TileKernel kernel) {
    new TileVerifier(kernel).run();
    return kernel;
  }

  private void run() {
    String name = "kernel " + kernel.spec().name();
    if (!(kernel.qTile().type() instanceof Type.Int)) {
      throw new InvalidTileKernelException(name, "the query tile must be an Int");
    }
    names.add(kernel.qTile().name());
    Set<Value> scope = new HashSet<>(Set.of(kernel.qTile()));
    body(kernel.body(), scope, false);
    channels.end(name);
    requireStored(name, Operand.O, true);
    requireStored(
        name, Operand.LSE, kernel.spec().normalization() instanceof Normalization.Softmax);
    requireStored(name, Operand.MAX_SCORE, kernel.spec().outputs().contains(Output.MAX_SCORE));
  }

  private void requireStored(String where, Operand operand, boolean wanted) {
    if (stored.contains(operand) != wanted) {
      throw new InvalidTileKernelException(
          where, operand + (wanted ? " is never stored" : " is stored, and nobody asks for it"));
    }
  }

  private void body(List<Op> ops, Set<Value> scope, boolean inLoop) {
    for (Op op : ops) {
      for (Value read : reads(op)) {
        requireReadable(op, scope, read);
      }
      check(op, scope, inLoop);
      for (Value defined : Ops.outputs(op)) {
        define(op, scope, defined);
      }
    }
  }

  /** What an operation itself reads: of a loop not what its body does. */
  private static List<Value> reads(Op op) {
    return op instanceof Op.For loop
        ? Stream.concat(
                Stream.of(loop.from(), loop.to()), loop.carried().stream().map(Op.Carried::init))
            .toList()
        : Ops.inputs(op);
  }

  private void loop(Op.For loop, Set<Value> scope) {
    Set<Value> inner = new HashSet<>(scope);
    define(loop, inner, loop.index());
    loop.carried().forEach(c -> define(loop, inner, c.param()));
    channels.enter(loop);
    body(loop.body(), inner, true);
    loop.yields().forEach(y -> requireReadable(loop, inner, y));
    channels.leave(loop);
  }

  private void define(Op op, Set<Value> scope, Value value) {
    require(op, names.add(value.name()), value + " is defined twice");
    scope.add(value);
  }

  private void requireReadable(Op op, Set<Value> scope, Value value) {
    require(
        op,
        scope.contains(value),
        "%s of type %s is not defined here".formatted(value, value.type()));
    require(op, !channels.isReleased(value), value + " is read after its release");
  }

  private void store(Op op, Operand operand, boolean inLoop) {
    require(op, !inLoop, "a store in a loop");
    require(op, stored.add(operand), operand + " is stored twice");
  }

  private void check(Op op, Set<Value> scope, boolean inLoop) {
    switch (op) {
      case Op.Scalar o -> {
        isInt(op, o.out());
        new Scope(op, o.expr()).variables().check(ScalarType.INT);
      }
      case Op.Load o -> {
        index(op, o.operand(), o.index());
        is(op, o.out(), source(op, o.operand()));
      }
      case Op.Put o -> {
        index(op, o.channel().operand(), o.index());
        o.end().ifPresent(end -> isInt(op, end));
        require(op, o.ahead() >= 0, "a tile before the index");
        channel(op, o.channel());
        channels.put(o);
      }
      case Op.Get o -> {
        channel(op, o.channel());
        is(op, o.out(), o.channel().type());
        channels.get(o);
      }
      case Op.Release o -> {
        channel(op, o.channel());
        channels.release(o);
      }
      case Op.Fill o -> {
        switch (o.out().type()) {
          case Type.Tile t -> f32(op, o.out());
          case Type.Row(int rows, boolean partial) ->
              require(op, !partial || o.value() == 0, "a partial row is filled with 0 only");
          case Type.Int i -> require(op, false, "an Int is a scalar's result");
        }
      }
      case Op.Dot o -> {
        Type.Tile a = tile(op, o.a(), Element.HALF);
        Type.Tile b = tile(op, o.b(), Element.HALF);
        int inner = o.transposeB() ? b.cols() : b.rows();
        int cols = o.transposeB() ? b.rows() : b.cols();
        require(op, a.cols() == inner, "inner extents %d and %d".formatted(a.cols(), inner));
        is(op, o.out(), new Type.Tile(a.rows(), cols, Element.F32));
        o.accumulate().ifPresent(c -> is(op, c, o.out().type()));
      }
      case Op.Map o -> {
        scores(op, o.in(), o.out(), o.index());
        clause(op, o.expr()).score().rowAndKey().check(ScalarType.FLOAT);
      }
      case Op.Mask o -> {
        scores(op, o.in(), o.out(), o.index());
        clause(op, o.predicate()).rowAndKey().check(ScalarType.BOOL);
      }
      case Op.RowMax o -> {
        Type row = rowOf(op, o.in());
        is(op, o.floor(), row);
        is(op, o.out(), row);
        factor(op, o.factor());
      }
      case Op.Rescale o -> {
        Type row = new Type.Row(kernel.rows(), false);
        List.of(o.max(), o.alpha(), o.oldMax(), o.newMax()).forEach(v -> is(op, v, row));
        sum(op, o.sum());
        is(op, o.sumOut(), o.sum().type());
        require(
            op,
            !(o.rule() instanceof Op.Rule.Lazy(int threshold)) || threshold >= 0,
            "a negative threshold");
      }
      case Op.ScaleRows o -> {
        is(op, o.row(), rowOf(op, o.in()));
        is(op, o.out(), o.in().type());
      }
      case Op.Exp2 o -> {
        is(op, o.max(), rowOf(op, o.in()));
        is(op, o.out(), o.in().type());
        factor(op, o.factor());
      }
      case Op.RowSum o -> {
        rowOf(op, o.in());
        sum(op, o.initial());
        is(op, o.out(), o.initial().type());
      }
      case Op.ReduceRow o -> {
        is(op, o.in(), new Type.Row(kernel.rows(), true));
        is(op, o.out(), new Type.Row(kernel.rows(), false));
      }
      case Op.Cast o -> {
        Type.Tile in = f32(op, o.in());
        is(op, o.out(), new Type.Tile(in.rows(), in.cols(), Element.HALF));
      }
      case Op.Sink o -> {
        Type row = new Type.Row(kernel.rows(), false);
        List.of(o.max(), o.sum(), o.maxOut(), o.sumOut(), o.alpha()).forEach(v -> is(op, v, row));
        clause(op, o.sink()).row().check(ScalarType.FLOAT);
      }
      case Op.Normalize o -> {
        is(op, o.sum(), rowOf(op, o.in()));
        is(op, o.out(), o.in().type());
      }
      case Op.LogSumExp o -> {
        Type row = new Type.Row(kernel.rows(), false);
        List.of(o.max(), o.sum(), o.out()).forEach(v -> is(op, v, row));
      }
      case Op.NaturalUnits o -> {
        Type row = new Type.Row(kernel.rows(), false);
        List.of(o.in(), o.out()).forEach(v -> is(op, v, row));
      }
      case Op.Store o -> {
        require(op, o.operand() == Operand.O, o.operand() + " is not an output of tiles");
        is(op, o.in(), new Type.Tile(kernel.rows(), kernel.headDim().v(), Element.HALF));
        store(op, o.operand(), inLoop);
      }
      case Op.StoreRow o -> {
        require(
            op,
            o.operand() == Operand.LSE || o.operand() == Operand.MAX_SCORE,
            o.operand() + " is not an output of rows");
        is(op, o.in(), new Type.Row(kernel.rows(), false));
        store(op, o.operand(), inLoop);
      }
      case Op.Copy o -> throw new UnsupportedOperationException();
      case Op.Issue o -> throw new UnsupportedOperationException();
      case Op.Await o -> throw new UnsupportedOperationException();
      case Op.Limit o -> throw new UnsupportedOperationException();
      case Op.Roles o -> throw new UnsupportedOperationException();
      case Op.ForItems o -> throw new UnsupportedOperationException();
      case Op.Claim o -> throw new UnsupportedOperationException();
      case Op.For o -> {
        List.of(o.index(), o.from(), o.to()).forEach(v -> isInt(op, v));
        for (int i = 0; i < o.carried().size(); i++) {
          Op.Carried c = o.carried().get(i);
          is(op, c.init(), c.param().type());
          is(op, o.yields().get(i), c.param().type());
          is(op, c.result(), c.param().type());
        }
        loop(o, scope);
      }
    }
  }

  private Type.Tile source(Op op, Operand operand) {
    return switch (operand) {
      case Q -> new Type.Tile(kernel.rows(), kernel.headDim().qk(), Element.HALF);
      case K -> new Type.Tile(kernel.cols(), kernel.headDim().qk(), Element.HALF);
      case V -> new Type.Tile(kernel.cols(), kernel.headDim().v(), Element.HALF);
      case O, LSE, MAX_SCORE ->
          throw new InvalidTileKernelException(TilePrinter.print(op), operand + " is an output");
    };
  }

  private void index(Op op, Operand operand, Value index) {
    isInt(op, index);
    require(
        op,
        operand != Operand.Q || index.equals(kernel.qTile()),
        "Q is loaded by the kernel's query tile");
  }

  private void channel(Op op, Channel channel) {
    Type.Tile type = source(op, channel.operand());
    require(
        op,
        type.equals(channel.type()),
        "channel %s carries %s, a tile of %s is %s"
            .formatted(channel.name(), channel.type(), channel.operand(), type));
  }

  private void scores(Op op, Value in, Value out, Value index) {
    is(op, in, new Type.Tile(kernel.rows(), kernel.cols(), Element.F32));
    is(op, out, in.type());
    isInt(op, index);
  }

  private static Type rowOf(Op op, Value tile) {
    return new Type.Row(f32(op, tile).rows(), false);
  }

  private void sum(Op op, Value value) {
    require(
        op,
        value.type() instanceof Type.Row(int rows, boolean partial) && rows == kernel.rows(),
        "%s is %s, expected a row of %d sums".formatted(value, value.type(), kernel.rows()));
  }

  private static Type.Tile f32(Op op, Value value) {
    return tile(op, value, Element.F32);
  }

  private static Type.Tile tile(Op op, Value value, Element element) {
    if (value.type() instanceof Type.Tile t && t.element() == element) {
      return t;
    }
    throw new InvalidTileKernelException(
        TilePrinter.print(op),
        "%s is %s, expected a tile of %s".formatted(value, value.type(), element));
  }

  private static void isInt(Op op, Value value) {
    is(op, value, new Type.Int());
  }

  private static void is(Op op, Value value, Type type) {
    require(
        op,
        value.type().equals(type),
        "%s is %s, expected %s".formatted(value, value.type(), type));
  }

  private static void require(Op op, boolean holds, String rule) {
    if (!holds) {
      throw new InvalidTileKernelException(TilePrinter.print(op), rule);
    }
  }

  private void factor(Op op, Expr factor) {
    new Scope(op, factor).check(ScalarType.FLOAT);
    require(
        op,
        !(factor instanceof Expr.FloatConst(double value)) || value > 0,
        "the factor must be positive");
  }

  private Scope clause(Op op, Clause clause) {
    return new Scope(op, clause.expr());
  }

  /** What an expression may name besides b, h, sizes, params and tensors: nothing until allowed. */
  private final class Scope {
    private final Op op;
    private final Expr expr;
    private final Set<Expr> allowed = new HashSet<>();

    Scope(Op op, Expr expr) {
      this.op = op;
      this.expr = expr;
    }

    Scope score() {
      allowed.add(new Expr.Score());
      return this;
    }

    Scope row() {
      allowed.add(new Expr.At(Position.Q));
      return this;
    }

    Scope rowAndKey() {
      allowed.add(new Expr.At(Position.KV));
      return row();
    }

    Scope variables() {
      allowed.add(TileKernel.Q_FIRST);
      allowed.add(TileKernel.Q_LAST);
      return this;
    }

    void check(ScalarType type) {
      require(
          op,
          expr.type() == type,
          "expected %s, found %s".formatted(type.keyword(), expr.type().keyword()));
      names(expr);
    }

    private void names(Expr e) {
      if (e instanceof Expr.Reduce r) {
        boolean fresh = allowed.add(r.variable());
        names(r.body());
        if (fresh) {
          allowed.remove(r.variable());
        }
        return;
      }
      if (e instanceof Expr.Score
          || e instanceof Expr.Var
          || (e instanceof Expr.At(Position p) && (p == Position.Q || p == Position.KV))) {
        require(op, allowed.contains(e), "%s may not be read here".formatted(Exprs.print(e)));
      }
      if (e instanceof Expr.Param p) {
        require(
            op,
            kernel.spec().param(p.name()).filter(d -> d.type() == p.type()).isPresent(),
            "no %s parameter %s".formatted(p.type().keyword(), p.name()));
      }
      if (e instanceof Expr.Gather g) {
        require(
            op,
            kernel
                .spec()
                .tensor(g.tensor())
                .filter(t -> t.type() == g.type() && t.shape().size() == g.indices().size())
                .isPresent(),
            "no %s tensor %s of rank %d"
                .formatted(g.type().keyword(), g.tensor(), g.indices().size()));
      }
      Exprs.children(e).forEach(this::names);
    }
  }
}
