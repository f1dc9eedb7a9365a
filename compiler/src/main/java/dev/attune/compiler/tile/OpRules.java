package dev.attune.compiler.tile;

import dev.attune.compiler.analysis.Residues;
import dev.attune.compiler.spec.Clause;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.Operand;
import dev.attune.compiler.spec.Position;
import dev.attune.compiler.spec.ScalarType;
import dev.attune.compiler.tile.Type.Element;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** What must hold of a single operation of a role: the types of its values, its expressions. */
final class OpRules {
  private final TileKernel kernel;
  private final int rows;
  private final boolean amongRoles;

  /**
   * Rules for one role of a kernel.
   *
   * @param rows query rows that a copy of the role computes
   * @param amongRoles whether the kernel has several roles
   */
  OpRules(TileKernel kernel, int rows, boolean amongRoles) {
    this.kernel = kernel;
    this.rows = rows;
    this.amongRoles = amongRoles;
  }

  /**
   * Checks one operation, without the bodies in it.
   *
   * @throws InvalidTileKernelException where a rule does not hold
   */
  void check(Op op) {
    switch (op) {
      case Op.Scalar o -> {
        isInt(op, o.out());
        new Scope(op, o.expr()).variables().check(ScalarType.INT);
      }
      case Op.Load o -> {
        index(op, o.operand(), o.index());
        require(op, o.operand() != Operand.Q || o.ahead() == 0, "Q has one tile");
        is(op, o.out(), source(op, o.operand()));
      }
      case Op.Put o -> {
        index(op, o.channel().operand(), o.index());
        o.end().ifPresent(end -> isInt(op, end));
        require(op, o.channel().operand() != Operand.Q || o.ahead() == 0, "Q has one tile");
        channel(op, o.channel());
      }
      case Op.Get o -> {
        channel(op, o.channel());
        Type.Tile type = o.channel().type();
        boolean own = o.channel().operand() == Operand.Q;
        is(op, o.out(), own ? new Type.Tile(rows, type.cols(), type.element()) : type);
      }
      case Op.Release o -> channel(op, o.channel());
      case Op.Copy o -> {
        tile(op, o.in(), Element.HALF);
        is(op, o.out(), o.in().type());
      }
      case Op.Fill o -> {
        switch (o.out().type()) {
          case Type.Tile t -> f32(op, o.out());
          case Type.Row(int sums, boolean partial) ->
              require(op, !partial || o.value() == 0, "a partial row is filled with 0 only");
          case Type.Int i -> require(op, false, "an Int is a scalar's result");
        }
      }
      case Op.Dot o -> dot(op, o);
      case Op.Issue o -> dot(op, o.dot());
      case Op.Await o -> require(op, o.pending() >= 0, "fewer than no products");
      case Op.Map o -> {
        scores(op, o.in(), o.out(), o.index());
        clause(op, o.expr()).score().rowAndKey().check(ScalarType.FLOAT);
      }
      case Op.Mask o -> {
        scores(op, o.in(), o.out(), o.index());
        clause(op, o.predicate()).rowAndKey().check(ScalarType.BOOL);
      }
      case Op.Limit o -> {
        scores(op, o.in(), o.out(), o.index());
        o.first().ifPresent(first -> clause(op, first).row().check(ScalarType.INT));
        o.last().ifPresent(last -> clause(op, last).row().check(ScalarType.INT));
      }
      case Op.RowMax o -> {
        Type row = rowOf(op, o.in());
        is(op, o.floor(), row);
        is(op, o.out(), row);
        factor(op, o.factor());
      }
      case Op.Rescale o -> {
        Type row = new Type.Row(rows, false);
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
      case Op.Weigh o -> {
        scores(op, o.in(), o.out(), o.index());
        clause(op, o.expr()).score().rowAndKey().check(ScalarType.FLOAT);
        is(op, o.max(), rowOf(op, o.in()));
        factor(op, o.factor());
      }
      case Op.RowSum o -> {
        rowOf(op, o.in());
        sum(op, o.initial());
        is(op, o.out(), o.initial().type());
      }
      case Op.ReduceRow o -> {
        is(op, o.in(), new Type.Row(rows, true));
        is(op, o.out(), new Type.Row(rows, false));
      }
      case Op.Cast o -> {
        Type.Tile in = f32(op, o.in());
        is(op, o.out(), new Type.Tile(in.rows(), in.cols(), Element.HALF));
      }
      case Op.Sink o -> {
        Type row = new Type.Row(rows, false);
        List.of(o.max(), o.sum(), o.maxOut(), o.sumOut(), o.alpha()).forEach(v -> is(op, v, row));
        clause(op, o.sink()).row().check(ScalarType.FLOAT);
      }
      case Op.Normalize o -> {
        is(op, o.sum(), rowOf(op, o.in()));
        is(op, o.out(), o.in().type());
      }
      case Op.LogSumExp o -> {
        Type row = new Type.Row(rows, false);
        List.of(o.max(), o.sum(), o.out()).forEach(v -> is(op, v, row));
      }
      case Op.NaturalUnits o -> {
        Type row = new Type.Row(rows, false);
        List.of(o.in(), o.out()).forEach(v -> is(op, v, row));
      }
      case Op.Store o -> {
        require(op, o.operand() == Operand.O, o.operand() + " is not an output of tiles");
        is(op, o.in(), new Type.Tile(rows, kernel.headDim().v(), Element.HALF));
      }
      case Op.StoreRow o -> {
        require(
            op,
            o.operand() == Operand.LSE || o.operand() == Operand.MAX_SCORE,
            o.operand() + " is not an output of rows");
        is(op, o.in(), new Type.Row(rows, false));
      }
      case Op.Roles o -> {
        require(op, !o.roles().isEmpty(), "no roles");
        for (Op.Role role : o.roles()) {
          require(
              op,
              kernel.rows() % role.copies() == 0,
              "%d rows among %d copies of %s".formatted(kernel.rows(), role.copies(), role.name()));
        }
      }
      case Op.ForItems o -> {
        if (o.items() instanceof Op.Items.Claimed(long bytes)) {
          require(op, bytes >= 0, "sections of " + bytes + " bytes");
        }
      }
      case Op.Claim o -> {}
      case Op.For o -> {
        List.of(o.index(), o.from(), o.to()).forEach(v -> isInt(op, v));
        for (int i = 0; i < o.carried().size(); i++) {
          Op.Carried c = o.carried().get(i);
          is(op, c.init(), c.param().type());
          is(op, o.yields().get(i), c.param().type());
          is(op, c.result(), c.param().type());
        }
      }
    }
  }

  private static void dot(Op op, Op.Dot o) {
    Type.Tile a = tile(op, o.a(), Element.HALF);
    Type.Tile b = tile(op, o.b(), Element.HALF);
    int inner = o.transposeB() ? b.cols() : b.rows();
    int cols = o.transposeB() ? b.rows() : b.cols();
    require(op, a.cols() == inner, "inner extents %d and %d".formatted(a.cols(), inner));
    is(op, o.out(), new Type.Tile(a.rows(), cols, Element.F32));
    o.accumulate().ifPresent(c -> is(op, c, o.out().type()));
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
    is(op, in, new Type.Tile(rows, kernel.cols(), Element.F32));
    is(op, out, in.type());
    isInt(op, index);
  }

  private static Type rowOf(Op op, Value tile) {
    return new Type.Row(f32(op, tile).rows(), false);
  }

  private void sum(Op op, Value value) {
    require(
        op,
        value.type() instanceof Type.Row(int sums, boolean partial) && sums == rows,
        "%s is %s, expected a row of %d sums".formatted(value, value.type(), rows));
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
    InvalidTileKernelException.require(op, holds, rule);
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

  /**
   * What an expression may name besides b, hkv, sizes, params and tensors: nothing until allowed,
   * but h where all rows are of one head, and the class where items are of residue classes.
   */
  private final class Scope {
    private final Op op;
    private final Expr expr;
    private final Set<Expr> allowed = new HashSet<>();

    Scope(Op op, Expr expr) {
      this.op = op;
      this.expr = expr;
      if (!kernel.packed()) {
        allowed.add(new Expr.At(Position.H));
      }
      if (kernel.spec().step().isPresent()) {
        allowed.addAll(List.of(Residues.RESIDUE, Residues.QUERIES, Residues.KEYS));
      }
    }

    Scope score() {
      allowed.add(new Expr.Score());
      return this;
    }

    Scope row() {
      allowed.add(new Expr.At(Position.Q));
      allowed.add(new Expr.At(Position.H));
      return this;
    }

    Scope rowAndKey() {
      allowed.add(new Expr.At(Position.KV));
      return row();
    }

    Scope variables() {
      allowed.add(TileKernel.Q_FIRST);
      allowed.add(TileKernel.Q_LAST);
      if (amongRoles) {
        allowed.add(TileKernel.ROLE_FIRST);
        allowed.add(TileKernel.ROLE_LAST);
      }
      if (kernel.tested().isPresent()) {
        allowed.add(TileKernel.LIVE_TILES);
        allowed.add(TileKernel.FULL_TILES);
      }
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
          || (e instanceof Expr.At(Position p) && p != Position.B && p != Position.HKV)) {
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
