package dev.attune.ptx.select;

import static java.util.Objects.requireNonNull;

import dev.attune.compiler.spec.CompareOp;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.Origin;
import dev.attune.compiler.spec.Position;
import dev.attune.compiler.tile.Op;
import dev.attune.compiler.tile.Op.Carried;
import dev.attune.compiler.tile.Ops;
import dev.attune.compiler.tile.TileKernel;
import dev.attune.compiler.tile.Type;
import dev.attune.compiler.tile.Value;
import dev.attune.ptx.Inst;
import dev.attune.ptx.Inst.IntOp;
import dev.attune.ptx.Inst.Ty;
import dev.attune.ptx.Operand;
import dev.attune.ptx.Operand.FloatConst;
import dev.attune.ptx.Operand.IntConst;
import dev.attune.ptx.Reg;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The tile operations that stay in registers, and loops over them: the same code for every family.
 * Knows where each value is.
 */
public final class RegisterCode {
  private final Emitter emit;
  private final TileKernel kernel;
  private final List<Op> scope;
  private final ExprCode expressions;
  private final RowCode rows;
  private final MaskCode masks;
  private final Reg pair;
  private final Optional<TileTests.Cursor> tested;
  private final Map<Value, Held> held = new HashMap<>();
  private final Map<Value, Reg> tiles = new HashMap<>();
  private @Nullable Reg told;

  /**
   * Code for the operations of one role.
   *
   * @param scope every operation that may read a value of this role
   * @param pair the first column of a lane in an accumulator block: 2·(lane % 4)
   * @param tested gives the kv tiles that numbers stand for, where tiles are tested
   */
  public RegisterCode(
      Emitter emit,
      TileKernel kernel,
      List<Op> scope,
      ExprCode expressions,
      RowCode rows,
      Reg pair,
      Optional<TileTests.Cursor> tested) {
    this.emit = emit;
    this.kernel = kernel;
    this.scope = scope;
    this.expressions = expressions;
    this.rows = rows;
    this.masks = new MaskCode(rows.elements());
    this.pair = pair;
    this.tested = tested;
  }

  /** Says where a value is. */
  public void put(Value value, Held where) {
    held.put(value, where);
  }

  /** Where a value is. */
  public Held get(Value value) {
    return requireNonNull(held.get(value), () -> "no register holds " + value);
  }

  /** The register of an int. */
  public Reg integer(Value v) {
    return ((Held.Int) get(v)).reg();
  }

  /** The accumulators of a tile. */
  public Reg[][][] accumulators(Value v) {
    return ((Held.Accumulators) get(v)).regs();
  }

  /** The registers of a row. */
  public Reg[] rowValues(Value v) {
    return ((Held.Rows) get(v)).regs();
  }

  /** The accumulators of a value that an operation updates in place: it is their only reader. */
  public Reg[][][] overwritten(Value v) {
    if (readers(v) != 1) {
      throw new IllegalStateException(v + " is updated in place but has other readers");
    }
    return accumulators(v);
  }

  private long readers(Value v) {
    return Ops.all(scope).mapToLong(op -> reads(op, v)).sum();
  }

  private static long reads(Op op, Value v) {
    List<Value> read =
        switch (op) {
          case Op.For loop ->
              Stream.concat(
                      Stream.of(loop.from(), loop.to()),
                      Stream.concat(
                          loop.carried().stream().map(Carried::init), loop.yields().stream()))
                  .toList();
          case Op.Roles r -> List.of();
          case Op.ForItems i -> List.of();
          default -> Ops.inputs(op);
        };
    return read.stream().filter(v::equals).count();
  }

  /** Computes once what is uniform, or gathered by row, in expressions that loops evaluate. */
  public void hoist(List<Op> ops) {
    Ops.all(ops)
        .forEach(
            op -> {
              switch (op) {
                case Op.Map o -> hoistScore(o.expr().expr());
                case Op.Mask o -> hoistMask(o.predicate().expr());
                case Op.RowMax o -> expressions.hoistUniform(Unroll.unroll(o.factor()));
                case Op.Exp2 o -> expressions.hoistUniform(Unroll.unroll(o.factor()));
                case Op.Weigh o -> {
                  hoistScore(o.expr().expr());
                  rows.hoistWeights(Unroll.unroll(o.expr().expr()), factor(o.factor()));
                }
                default -> {}
              }
            });
  }

  private void hoistMask(Expr e) {
    MaskParts parts = expressions.maskParts(Unroll.unroll(e));
    hoist(parts.rest());
    parts
        .bits()
        .ifPresent(
            bits -> {
              BitCode.evaluated(bits).forEach(this::hoist);
              masks.hoist(bits);
            });
  }

  private void hoist(Expr e) {
    Expr unrolled = Unroll.unroll(e);
    expressions.hoistUniform(unrolled);
    hoistRowGathers(unrolled);
  }

  /** The terms of a long sum gather where they are added. */
  private void hoistScore(Expr e) {
    Expr unrolled = Unroll.unroll(e);
    expressions.hoistUniform(unrolled);
    hoistRowGathers(LongSum.of(unrolled).map(LongSum::rest).orElse(unrolled));
  }

  private void hoistRowGathers(Expr unrolled) {
    for (int r = 0; r < rows.count(); r++) {
      expressions.hoistRowGathers(unrolled, rows.elements().rowSite(r));
    }
  }

  /**
   * Emits an operation that stays in registers.
   *
   * @throws IllegalStateException for any other: the family's own selection has those
   */
  public void operation(Op op) {
    switch (op) {
      case Op.Scalar o -> {
        emit.operation("scalar " + o.out());
        put(
            o.out(),
            new Held.Int(expressions.narrowRegister(Unroll.unroll(o.expr()), Site.UNIFORM)));
        locate(o.out());
      }
      case Op.Fill o -> put(o.out(), fill(o));
      case Op.Map o ->
          emitted(
              "map " + o.out() + origin(o.expr().origin()),
              () ->
                  put(
                      o.out(),
                      rows.map(
                          accumulators(o.in()), Unroll.unroll(o.expr().expr()), keys(o.index()))));
      case Op.Mask o ->
          emitted(
              "mask " + o.out() + way(o) + origin(o.predicate().origin()),
              () ->
                  put(
                      o.out(),
                      masks.mask(
                          accumulators(o.in()),
                          Unroll.unroll(o.predicate().expr()),
                          o.otherwise(),
                          keys(o.index()))));
      case Op.Limit o ->
          emitted(
              "limit " + o.out(),
              () ->
                  put(
                      o.out(),
                      masks.limit(
                          accumulators(o.in()),
                          o.first().map(c -> Unroll.unroll(c.expr())),
                          o.last().map(c -> Unroll.unroll(c.expr())),
                          o.otherwise(),
                          keys(o.index()))));
      case Op.RowMax o -> {
        emit.operation("rowMax " + o.out());
        put(o.out(), rows.max(accumulators(o.in()), factor(o.factor()), rowValues(o.floor())));
      }
      case Op.Rescale o -> {
        emit.operation("rescale " + o.max());
        RowCode.Rescaled r =
            rows.rescale(
                rowValues(o.oldMax()), rowValues(o.newMax()), rowValues(o.sum()), o.rule());
        put(o.max(), new Held.Rows(r.max()));
        put(o.sumOut(), new Held.Rows(r.sum()));
        put(o.alpha(), new Held.Rows(r.alpha()));
      }
      case Op.ScaleRows o -> {
        emit.operation("scaleRows " + o.out());
        put(o.out(), rows.scale(overwritten(o.in()), rowValues(o.row())));
      }
      case Op.Exp2 o -> {
        emit.operation("exp2 " + o.out());
        put(
            o.out(),
            rows.exp2(accumulators(o.in()), factor(o.factor()), rowValues(o.max()), o.guarded()));
      }
      case Op.Weigh o ->
          emitted(
              "weigh " + o.out() + origin(o.expr().origin()),
              () ->
                  put(
                      o.out(),
                      rows.weights(
                          accumulators(o.in()),
                          Unroll.unroll(o.expr().expr()),
                          factor(o.factor()),
                          rowValues(o.max()),
                          keys(o.index()))));
      case Op.RowSum o -> {
        emit.operation("rowSum " + o.out());
        boolean partial = ((Type.Row) o.out().type()).partial();
        put(o.out(), rows.sum(accumulators(o.in()), rowValues(o.initial()), partial));
      }
      case Op.ReduceRow o -> {
        emit.operation("reduceRow " + o.out());
        put(o.out(), rows.reduce(rowValues(o.in())));
      }
      case Op.Cast o -> {
        emit.operation("cast " + o.out());
        put(o.out(), rows.cast(accumulators(o.in()), kernel.dtype(), destination(o.out())));
      }
      case Op.Sink o ->
          emitted(
              "sink" + origin(o.sink().origin()),
              () -> {
                RowCode.Rescaled r =
                    rows.sink(
                        rowValues(o.max()), rowValues(o.sum()), Unroll.unroll(o.sink().expr()));
                put(o.maxOut(), new Held.Rows(r.max()));
                put(o.sumOut(), new Held.Rows(r.sum()));
                put(o.alpha(), new Held.Rows(r.alpha()));
              });
      case Op.Normalize o -> {
        emit.operation("normalize " + o.out());
        put(o.out(), rows.normalize(accumulators(o.in()), rowValues(o.sum())));
      }
      case Op.LogSumExp o -> {
        emit.operation("logSumExp " + o.out());
        put(o.out(), rows.logSumExp(rowValues(o.max()), rowValues(o.sum())));
      }
      case Op.NaturalUnits o -> put(o.out(), rows.naturalUnits(rowValues(o.in())));
      default -> throw new IllegalStateException("not an operation in registers: " + op);
    }
  }

  /** Runs code whose values must not be reused elsewhere: it may sit inside a loop. */
  private void emitted(String operation, Runnable body) {
    emit.operation(operation);
    emit.scope(body);
  }

  private String way(Op.Mask mask) {
    MaskParts parts = expressions.maskParts(Unroll.unroll(mask.predicate().expr()));
    return parts.bits().isPresent() ? " in bits" : "";
  }

  private static String origin(Origin origin) {
    return " [" + origin + "]";
  }

  private Held fill(Op.Fill o) {
    emit.operation("fill " + o.out());
    return switch (o.out().type()) {
      case Type.Tile t -> new Held.Accumulators(filled(t, o.value()));
      case Type.Row r -> {
        Reg[] regs = rows.freshRows();
        set(List.of(regs), o.value());
        yield new Held.Rows(regs);
      }
      case Type.Int i -> throw new IllegalStateException("a filled int");
    };
  }

  /** New accumulators of a tile. */
  public Reg[][][] fresh(Type.Tile tile) {
    return rows.accumulators(tile.cols() / 8);
  }

  /** New accumulators of a tile, all elements {@code value}. */
  public Reg[][][] filled(Type.Tile tile, double value) {
    Reg[][][] regs = fresh(tile);
    set(flatten(regs), value);
    return regs;
  }

  private void set(List<Reg> regs, double value) {
    regs.forEach(r -> emit.add(new Inst.Mov(r, new FloatConst((float) value))));
  }

  private Operand factor(Expr e) {
    return expressions.real(Unroll.unroll(e), Site.UNIFORM);
  }

  /**
   * Finds the kv tile of a number, if operations ask where its keys are: no product is in flight.
   */
  private void locate(Value index) {
    if (tested.isPresent() && places(index)) {
      emit.operation("tile of " + index);
      tiles.put(index, tested.get().next(integer(index)));
    }
  }

  /**
   * Says which kv tile the scores to come are of.
   *
   * @param tile null where indices are tiles, or no operation asks for keys
   */
  public void at(@Nullable Reg tile) {
    told = tile;
  }

  /** Whether an operation asks where its keys are. */
  public static boolean placesKeys(Op op) {
    return placed(op).isPresent();
  }

  private boolean places(Value index) {
    return Ops.all(scope).anyMatch(op -> placed(op).filter(index::equals).isPresent());
  }

  /** The kv tile whose keys an operation asks for. */
  private static Optional<Value> placed(Op op) {
    return switch (op) {
      case Op.Map o when Exprs.uses(o.expr().expr(), Position.KV) -> Optional.of(o.index());
      case Op.Weigh o when Exprs.uses(o.expr().expr(), Position.KV) -> Optional.of(o.index());
      case Op.Mask o -> Optional.of(o.index());
      case Op.Limit o -> Optional.of(o.index());
      default -> Optional.empty();
    };
  }

  /** The keys of a lane in a kv tile. */
  private LaneKeys keys(Value index) {
    Reg tile = told != null ? told : tiles.getOrDefault(index, integer(index));
    Operand first = emit.arith(IntOp.MUL, Ty.S32, tile, new IntConst(kernel.cols()));
    IntVal key = IntVal.of((Reg) emit.arith(IntOp.ADD, Ty.S32, first, pair));
    return new LaneKeys(key, loopOver(index).filter(this::whole).isPresent());
  }

  private Optional<Op.For> loopOver(Value index) {
    return Ops.all(scope)
        .flatMap(op -> op instanceof Op.For loop ? Stream.of(loop) : Stream.empty())
        .filter(loop -> loop.index().equals(index))
        .findFirst();
  }

  /** Whether a loop's tiles lie before Skv: full ones do, and those below a tile that is masked. */
  private boolean whole(Op.For loop) {
    return loop.phase() == Op.Phase.BULK || places(loop.to());
  }

  /**
   * Loads what operations on the scores to come gather by key: what arrives while products run need
   * not be waited for.
   *
   * @param registers what a thread can spare for it
   */
  public void loadAhead(List<Op> ops, int registers) {
    for (Op op : ops) {
      switch (op) {
        case Op.Map o -> loadAhead(o.expr().expr(), o.index(), registers);
        case Op.Weigh o -> loadAhead(o.expr().expr(), o.index(), registers);
        case Op.Mask o -> loadAhead(o.predicate().expr(), o.index(), registers);
        default -> {}
      }
    }
  }

  private void loadAhead(Expr e, Value index, int registers) {
    rows.loadAhead(Unroll.unroll(e), keys(index), kernel.cols(), registers);
  }

  /**
   * Emits a loop. Carried values that nobody else reads stay in their registers.
   *
   * @param body emits the loop's body, given the register of the index
   */
  public void loop(Op.For loop, java.util.function.Consumer<Reg> body) {
    emit.operation("for " + loop.index() + " " + loop.phase().name().toLowerCase(Locale.ROOT));
    boolean up = loop.direction() == Op.Direction.ASCENDING;
    Reg index = emit.fresh(Reg.Kind.B32);
    Reg from = integer(loop.from());
    Reg to = integer(loop.to());
    if (up) {
      emit.add(new Inst.Mov(index, from));
    } else {
      emit.add(new Inst.Arith(IntOp.SUB, Ty.S32, index, to, new IntConst(1)));
    }
    for (Carried c : loop.carried()) {
      put(c.param(), readers(c.init()) == 1 ? get(c.init()) : copy(get(c.init())));
    }
    CompareOp outside = up ? CompareOp.GE : CompareOp.LT;
    CompareOp inside = up ? CompareOp.LT : CompareOp.GE;
    Reg bound = up ? to : from;
    String start = emit.label(loop.index().name().replace('.', '_'));
    String end = start + "_end";
    Reg empty = emit.fresh(Reg.Kind.PRED);
    emit.add(new Inst.SetP(outside, Ty.S32, empty, index, bound));
    emit.add(new Inst.Guarded(empty, false, new Inst.Bra(end, true)));
    emit.add(new Inst.Label(start));
    put(loop.index(), new Held.Int(index));
    emit.scope(
        () -> {
          locate(loop.index());
          body.accept(index);
          for (int i = 0; i < loop.carried().size(); i++) {
            move(get(loop.yields().get(i)), get(loop.carried().get(i).param()));
          }
        });
    emit.add(new Inst.Arith(up ? IntOp.ADD : IntOp.SUB, Ty.S32, index, index, new IntConst(1)));
    Reg more = emit.fresh(Reg.Kind.PRED);
    emit.add(new Inst.SetP(inside, Ty.S32, more, index, bound));
    emit.add(new Inst.Guarded(more, false, new Inst.Bra(start, true)));
    emit.add(new Inst.Label(end));
    for (Carried c : loop.carried()) {
      put(c.result(), get(c.param()));
    }
  }

  /**
   * The operands that a loop carries its value in, if the value is yielded: it is computed there
   * right away. The loop's own readers of what they held come before: they are awaited.
   */
  private Optional<Held.LeftOperands> destination(Value out) {
    for (Op op : Ops.all(scope).toList()) {
      if (op instanceof Op.For loop && loop.yields().contains(out)) {
        Carried c = loop.carried().get(loop.yields().indexOf(out));
        return Optional.of((Held.LeftOperands) get(c.param()));
      }
    }
    return Optional.empty();
  }

  private void move(Held from, Held to) {
    List<Reg> sources = registers(from);
    List<Reg> targets = registers(to);
    for (int i = 0; i < sources.size(); i++) {
      if (!sources.get(i).equals(targets.get(i))) {
        emit.add(new Inst.Mov(targets.get(i), sources.get(i)));
      }
    }
  }

  private Held copy(Held value) {
    Held fresh =
        switch (value) {
          case Held.Accumulators a -> new Held.Accumulators(rows.accumulators(a.regs()[0].length));
          case Held.Rows r -> new Held.Rows(rows.freshRows());
          default -> throw new IllegalStateException("cannot be carried: " + value);
        };
    move(value, fresh);
    return fresh;
  }

  private static List<Reg> registers(Held value) {
    return switch (value) {
      case Held.Accumulators a -> flatten(a.regs());
      case Held.LeftOperands a -> flatten(a.regs());
      case Held.Rows r -> List.of(r.regs());
      case Held.Int i -> List.of(i.reg());
      case Held.Shared s -> List.of(s.address());
      case Held.Matrix m -> List.of(m.descriptor());
    };
  }

  /** The registers of accumulators or operands, block by block. */
  public static List<Reg> flatten(Reg[][][] regs) {
    List<Reg> all = new ArrayList<>();
    for (Reg[][] m : regs) {
      for (Reg[] n : m) {
        all.addAll(List.of(n));
      }
    }
    return all;
  }
}
