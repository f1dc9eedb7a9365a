package dev.attune.ptx.ampere;

import static java.util.Objects.requireNonNull;

import dev.attune.compiler.schedule.Schedule;
import dev.attune.compiler.schedule.Target;
import dev.attune.compiler.spec.CompareOp;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Extent;
import dev.attune.compiler.spec.Operand;
import dev.attune.compiler.spec.Origin;
import dev.attune.compiler.tile.Channel;
import dev.attune.compiler.tile.Op;
import dev.attune.compiler.tile.Op.Carried;
import dev.attune.compiler.tile.Ops;
import dev.attune.compiler.tile.TileKernel;
import dev.attune.compiler.tile.Type;
import dev.attune.compiler.tile.Value;
import dev.attune.ptx.Inst;
import dev.attune.ptx.Inst.IntOp;
import dev.attune.ptx.Inst.Ty;
import dev.attune.ptx.Operand.IntConst;
import dev.attune.ptx.PtxKernel;
import dev.attune.ptx.Reg;
import dev.attune.ptx.artifact.Parameter.Axis;
import dev.attune.ptx.select.Emitter;
import dev.attune.ptx.select.Env;
import dev.attune.ptx.select.ExprCode;
import dev.attune.ptx.select.Held;
import dev.attune.ptx.select.IntVal;
import dev.attune.ptx.select.KernelParameters;
import dev.attune.ptx.select.RowCode;
import dev.attune.ptx.select.Site;
import dev.attune.ptx.select.Unroll;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;

/** Instructions for a tile kernel: one walk over its operations. */
public final class AmpereSelection {
  private final TileKernel kernel;
  private final Schedule.Ampere schedule;
  private final Target target;
  private final AmpereLayout layout;
  private final Emitter emit = new Emitter();
  private final KernelParameters parameters;
  private final Threads threads;
  private final Reg qTile;
  private final Reg firstRow;
  private final Env env;
  private final ExprCode expressions;
  private final Synchronization sync = new Synchronization(emit);
  private final Products products;
  private final RowCode rows;
  private final Map<Value, Held> held = new HashMap<>();
  private final Map<Operand, Copies> copies = new EnumMap<>(Operand.class);
  private final Map<Operand, Reg> readBases = new EnumMap<>(Operand.class);

  private AmpereSelection(TileKernel kernel, Schedule.Ampere schedule, Target target) {
    this.kernel = kernel;
    this.schedule = schedule;
    this.target = target;
    this.layout = AmpereLayout.of(kernel.headDim(), schedule);
    emit.operation("prologue");
    this.parameters = KernelParameters.load(emit, kernel.spec(), kernel.headDim());
    this.threads = Threads.emit(emit, schedule);
    this.qTile = queryTile();
    this.firstRow = (Reg) emit.arith(IntOp.MUL, Ty.S32, qTile, new IntConst(kernel.rows()));
    Reg h = special(Inst.Special.CTAID_Y);
    Reg group = (Reg) parameters.size(Extent.GROUP);
    Reg hkv = (Reg) emit.arith(IntOp.DIV, Ty.S32, h, group);
    this.env = parameters.env(special(Inst.Special.CTAID_Z), h, hkv, tileVariables());
    this.expressions = new ExprCode(emit, kernel.spec(), env);
    this.products = new Products(emit, kernel.dtype(), layout, schedule, kernel.headDim());
    Reg warpRow = (Reg) emit.arith(IntOp.ADD, Ty.S32, threads.firstRow(), threads.row());
    Reg row = (Reg) emit.arith(IntOp.ADD, Ty.S32, firstRow, warpRow);
    this.rows =
        new RowCode(
            emit,
            expressions,
            row,
            (Reg) parameters.size(Extent.SQ),
            (Reg) parameters.size(Extent.SKV),
            schedule.rowsPerWarp() / 16);
    held.put(kernel.qTile(), new Held.Int(qTile));
  }

  /** The PTX of a kernel for a target. */
  public static PtxKernel select(
      TileKernel kernel, Schedule.Ampere schedule, Target target, String entry) {
    return new AmpereSelection(kernel, schedule, target).run(entry);
  }

  private PtxKernel run(String entry) {
    hoist(kernel.body());
    readers(kernel.body());
    block(kernel.body(), qTile);
    emit.add(new Inst.Ret());
    return new PtxKernel(
        entry,
        target,
        parameters.list(),
        schedule.threads(),
        schedule.blocksPerSm(),
        layout.bytes(),
        List.of(
            kernel.spec().name() + " from " + kernel.spec().origin(),
            "%s, head dim %s: %s"
                .formatted(kernel.dtype().keyword(), kernel.headDim(), schedule.print())),
        emit.code());
  }

  private Reg special(Inst.Special special) {
    Reg reg = emit.fresh(Reg.Kind.B32);
    emit.add(new Inst.ReadSpecial(reg, special));
    return reg;
  }

  private Reg queryTile() {
    Reg block = special(Inst.Special.CTAID_X);
    return switch (kernel.order()) {
      case ASCENDING -> block;
      case DESCENDING -> {
        Reg count = special(Inst.Special.NCTAID_X);
        var last = emit.arith(IntOp.SUB, Ty.S32, count, new IntConst(1));
        yield (Reg) emit.arith(IntOp.SUB, Ty.S32, last, block);
      }
    };
  }

  private Map<Expr.Var, Reg> tileVariables() {
    var lastRow = emit.arith(IntOp.ADD, Ty.S32, firstRow, new IntConst(kernel.rows() - 1L));
    var lastQuery = emit.arith(IntOp.SUB, Ty.S32, parameters.size(Extent.SQ), new IntConst(1));
    Reg last = (Reg) emit.arith(IntOp.MIN, Ty.S32, lastRow, lastQuery);
    return Map.of(TileKernel.Q_FIRST, firstRow, TileKernel.Q_LAST, last);
  }

  /** Computes once what is uniform, or gathered by row, in expressions that loops evaluate. */
  private void hoist(List<Op> ops) {
    for (Op op : ops) {
      switch (op) {
        case Op.Map o -> hoist(o.expr().expr());
        case Op.Mask o -> hoist(o.predicate().expr());
        case Op.RowMax o -> expressions.hoistUniform(Unroll.unroll(o.factor()));
        case Op.For o -> hoist(o.body());
        default -> {}
      }
    }
  }

  private void hoist(Expr e) {
    Expr unrolled = Unroll.unroll(e);
    expressions.hoistUniform(unrolled);
    for (int r = 0; r < rows.count(); r++) {
      expressions.hoistRowGathers(unrolled, rows.rowSite(r));
    }
  }

  /** Sets up the copies of every channel, and where this lane reads its tiles. */
  private void readers(List<Op> ops) {
    for (Op op : ops) {
      switch (op) {
        case Op.Put put when !copies.containsKey(put.channel().operand()) -> reader(put.channel());
        case Op.For loop -> readers(loop.body());
        default -> {}
      }
    }
  }

  private void reader(Channel channel) {
    Operand operand = channel.operand();
    emit.operation("channel " + channel.name());
    Copies.Geometry geometry =
        switch (operand) {
          case Q ->
              new Copies.Geometry(
                  layout.queryPitch(),
                  AmpereLayout.productWidth(kernel.headDim().qk()),
                  kernel.headDim().qk(),
                  0,
                  kernel.rows() * layout.queryPitch());
          case K ->
              new Copies.Geometry(
                  layout.keyPitch(),
                  AmpereLayout.productWidth(kernel.headDim().qk()),
                  kernel.headDim().qk(),
                  layout.keys(),
                  layout.keyStage());
          case V ->
              new Copies.Geometry(
                  layout.valuePitch(),
                  kernel.headDim().v(),
                  kernel.headDim().v(),
                  layout.values(),
                  layout.valueStage());
          case O, LSE, MAX_SCORE -> throw new IllegalStateException("a channel of " + operand);
        };
    Reg head = operand == Operand.Q ? env.h() : env.hkv();
    copies.put(
        operand,
        new Copies(
            emit,
            threads,
            schedule.threads(),
            channel,
            geometry,
            parameters.headAddress(emit, operand, env.b(), head),
            parameters.stride(operand, Axis.SEQ),
            parameters.size(operand == Operand.Q ? Extent.SQ : Extent.SKV)));
    readBases.put(operand, products.readBase(threads, operand, geometry.offset()));
  }

  private void block(List<Op> ops, Reg index) {
    int at = 0;
    while (at < ops.size()) {
      if (!(ops.get(at) instanceof Op.Get)) {
        operation(ops.get(at++));
        continue;
      }
      List<Op.Get> gets = new ArrayList<>();
      while (at < ops.size() && ops.get(at) instanceof Op.Get get) {
        gets.add(get);
        at++;
      }
      emit.operation("get " + String.join(", ", gets.stream().map(g -> g.out().name()).toList()));
      sync.get(gets.stream().map(Op.Get::channel).toList());
      gets.forEach(g -> get(g, index));
    }
  }

  private void operation(Op op) {
    switch (op) {
      case Op.Scalar o -> {
        emit.operation("scalar " + o.out());
        held.put(
            o.out(),
            new Held.Int(expressions.narrowRegister(Unroll.unroll(o.expr()), Site.UNIFORM)));
      }
      case Op.Put o -> {
        emit.operation("put " + o.channel().name());
        sync.beforePut(o.channel());
        requireNonNull(copies.get(o.channel().operand()))
            .put(integer(o.index()), o.ahead(), o.end().map(this::integer));
        sync.committed(o.channel());
      }
      case Op.Release o -> sync.release(o.channel());
      case Op.Fill o -> held.put(o.out(), fill(o));
      case Op.Dot o -> dot(o);
      case Op.Map o ->
          emitted(
              "map " + o.out() + origin(o.expr().origin()),
              () ->
                  held.put(
                      o.out(),
                      rows.map(
                          accumulators(o.in()),
                          Unroll.unroll(o.expr().expr()),
                          firstKey(o.index()))));
      case Op.Mask o ->
          emitted(
              "mask " + o.out() + origin(o.predicate().origin()),
              () ->
                  held.put(
                      o.out(),
                      rows.mask(
                          accumulators(o.in()),
                          Unroll.unroll(o.predicate().expr()),
                          o.otherwise(),
                          firstKey(o.index()))));
      case Op.RowMax o -> {
        emit.operation("rowMax " + o.out());
        held.put(o.out(), rows.max(accumulators(o.in()), factor(o.factor()), rowValues(o.floor())));
      }
      case Op.Rescale o -> {
        emit.operation("rescale " + o.max());
        RowCode.Rescaled r =
            rows.rescale(
                rowValues(o.oldMax()), rowValues(o.newMax()), rowValues(o.sum()), o.rule());
        held.put(o.max(), new Held.Rows(r.max()));
        held.put(o.sumOut(), new Held.Rows(r.sum()));
        held.put(o.alpha(), new Held.Rows(r.alpha()));
      }
      case Op.ScaleRows o -> {
        emit.operation("scaleRows " + o.out());
        held.put(o.out(), rows.scale(overwritten(o.in()), rowValues(o.row())));
      }
      case Op.Exp2 o -> {
        emit.operation("exp2 " + o.out());
        held.put(
            o.out(),
            rows.exp2(accumulators(o.in()), factor(o.factor()), rowValues(o.max()), o.guarded()));
      }
      case Op.RowSum o -> {
        emit.operation("rowSum " + o.out());
        boolean partial = ((Type.Row) o.out().type()).partial();
        held.put(o.out(), rows.sum(accumulators(o.in()), rowValues(o.initial()), partial));
      }
      case Op.ReduceRow o -> {
        emit.operation("reduceRow " + o.out());
        held.put(o.out(), rows.reduce(rowValues(o.in())));
      }
      case Op.Cast o -> {
        emit.operation("cast " + o.out());
        held.put(o.out(), rows.cast(accumulators(o.in()), kernel.dtype()));
      }
      case Op.Sink o ->
          emitted(
              "sink" + origin(o.sink().origin()),
              () -> {
                RowCode.Rescaled r =
                    rows.sink(
                        rowValues(o.max()), rowValues(o.sum()), Unroll.unroll(o.sink().expr()));
                held.put(o.maxOut(), new Held.Rows(r.max()));
                held.put(o.sumOut(), new Held.Rows(r.sum()));
                held.put(o.alpha(), new Held.Rows(r.alpha()));
              });
      case Op.Normalize o -> {
        emit.operation("normalize " + o.out());
        held.put(o.out(), rows.normalize(accumulators(o.in()), rowValues(o.sum())));
      }
      case Op.LogSumExp o -> {
        emit.operation("logSumExp " + o.out());
        held.put(o.out(), rows.logSumExp(rowValues(o.max()), rowValues(o.sum())));
      }
      case Op.NaturalUnits o -> held.put(o.out(), rows.naturalUnits(rowValues(o.in())));
      case Op.Store o -> {
        emit.operation("store " + o.operand());
        sync.drain();
        stores().tile((Held.LeftOperands) held(o.in()));
      }
      case Op.StoreRow o -> {
        emit.operation("store " + o.operand());
        stores().rows(o.operand(), rowValues(o.in()));
      }
      case Op.For o -> loop(o);
      case Op.Load o -> throw new IllegalStateException("a load outside a channel: " + o);
      case Op.Limit o -> throw new IllegalStateException("not yet: " + o);
      case Op.Copy o -> throw notThisFamily(o);
      case Op.Issue o -> throw notThisFamily(o);
      case Op.Await o -> throw notThisFamily(o);
      case Op.Roles o -> throw notThisFamily(o);
      case Op.ForItems o -> throw notThisFamily(o);
      case Op.Claim o -> throw notThisFamily(o);
      case Op.Get o -> throw new IllegalStateException("a get outside its group: " + o);
    }
  }

  private static IllegalStateException notThisFamily(Op op) {
    return new IllegalStateException("no pass of this family makes " + op);
  }

  /** Reads the thread's place again, so that it need not stay in registers through the loops. */
  private Stores stores() {
    Reg b = special(Inst.Special.CTAID_Z);
    Reg h = special(Inst.Special.CTAID_Y);
    Reg first = (Reg) emit.arith(IntOp.MUL, Ty.S32, queryTile(), new IntConst(kernel.rows()));
    return new Stores(
        emit, kernel, schedule, layout, Threads.emit(emit, schedule), parameters, b, h, first);
  }

  /** Runs code whose values must not be reused elsewhere: it may sit inside a loop. */
  private void emitted(String operation, Runnable body) {
    emit.operation(operation);
    emit.scope(body);
  }

  private static String origin(Origin origin) {
    return " [" + origin + "]";
  }

  private void get(Op.Get get, Reg index) {
    Channel channel = get.channel();
    Reg base = requireNonNull(readBases.get(channel.operand()));
    int stage = channel.operand() == Operand.K ? layout.keyStage() : layout.valueStage();
    Reg address = Copies.buffer(emit, base, index, stage, channel.stages());
    boolean early = channel.operand() == Operand.Q && schedule.queryInRegisters();
    held.put(get.out(), early ? products.query(address) : new Held.Shared(address));
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

  private Reg[][][] filled(Type.Tile tile, double value) {
    Reg[][][] regs = rows.accumulators(tile.cols() / 8);
    set(flatten(regs), value);
    return regs;
  }

  private void set(List<Reg> regs, double value) {
    var constant = new dev.attune.ptx.Operand.FloatConst((float) value);
    regs.forEach(r -> emit.add(new Inst.Mov(r, constant)));
  }

  private void dot(Op.Dot o) {
    emit.operation("dot " + o.out());
    Reg[][][] into =
        o.accumulate().map(this::overwritten).orElseGet(() -> filled(o.out().tile(), 0));
    Reg[][][] result =
        o.transposeB()
            ? products.scores(held(o.a()), (Held.Shared) held(o.b()), into)
            : products.output((Held.LeftOperands) held(o.a()), (Held.Shared) held(o.b()), into);
    held.put(o.out(), new Held.Accumulators(result));
  }

  private void loop(Op.For loop) {
    emit.operation("for " + loop.index() + " " + loop.phase().name().toLowerCase(Locale.ROOT));
    Reg index = emit.fresh(Reg.Kind.B32);
    Reg to = integer(loop.to());
    emit.add(new Inst.Mov(index, integer(loop.from())));
    for (Carried c : loop.carried()) {
      held.put(c.param(), copy(held(c.init())));
    }
    String start = emit.label(loop.index().name().replace('.', '_'));
    String end = start + "_end";
    Reg empty = emit.fresh(Reg.Kind.PRED);
    emit.add(new Inst.SetP(CompareOp.GE, Ty.S32, empty, index, to));
    emit.add(new Inst.Guarded(empty, false, new Inst.Bra(end, true)));
    emit.add(new Inst.Label(start));
    held.put(loop.index(), new Held.Int(index));
    emit.scope(
        () ->
            sync.loop(
                loop.body(),
                () -> {
                  block(loop.body(), index);
                  List<Reg> from = new ArrayList<>();
                  List<Reg> into = new ArrayList<>();
                  for (int i = 0; i < loop.carried().size(); i++) {
                    from.addAll(registers(held(loop.yields().get(i))));
                    into.addAll(registers(held(loop.carried().get(i).param())));
                  }
                  for (int i = 0; i < from.size(); i++) {
                    if (!from.get(i).equals(into.get(i))) {
                      emit.add(new Inst.Mov(into.get(i), from.get(i)));
                    }
                  }
                }));
    emit.add(new Inst.Arith(IntOp.ADD, Ty.S32, index, index, new IntConst(1)));
    Reg more = emit.fresh(Reg.Kind.PRED);
    emit.add(new Inst.SetP(CompareOp.LT, Ty.S32, more, index, to));
    emit.add(new Inst.Guarded(more, false, new Inst.Bra(start, true)));
    emit.add(new Inst.Label(end));
    for (Carried c : loop.carried()) {
      held.put(c.result(), held(c.param()));
    }
  }

  private Held copy(Held value) {
    return switch (value) {
      case Held.Accumulators a -> {
        Reg[][][] regs = rows.accumulators(a.regs()[0].length);
        List<Reg> from = registers(a);
        List<Reg> into = registers(new Held.Accumulators(regs));
        for (int i = 0; i < from.size(); i++) {
          emit.add(new Inst.Mov(into.get(i), from.get(i)));
        }
        yield new Held.Accumulators(regs);
      }
      case Held.Rows r -> {
        Reg[] regs = rows.freshRows();
        for (int i = 0; i < regs.length; i++) {
          emit.add(new Inst.Mov(regs[i], r.regs()[i]));
        }
        yield new Held.Rows(regs);
      }
      default -> throw new IllegalStateException("cannot be carried: " + value);
    };
  }

  private static List<Reg> registers(Held value) {
    return switch (value) {
      case Held.Accumulators a -> flatten(a.regs());
      case Held.LeftOperands a -> flatten(a.regs());
      case Held.Rows r -> List.of(r.regs());
      case Held.Int i -> List.of(i.reg());
      case Held.Shared s -> List.of(s.address());
    };
  }

  private static List<Reg> flatten(Reg[][][] regs) {
    List<Reg> all = new ArrayList<>();
    for (Reg[][] m : regs) {
      for (Reg[] n : m) {
        all.addAll(List.of(n));
      }
    }
    return all;
  }

  private dev.attune.ptx.Operand factor(Expr e) {
    return expressions.real(Unroll.unroll(e), Site.UNIFORM);
  }

  /** The first key of a lane in a kv tile. */
  private IntVal firstKey(Value index) {
    var first = emit.arith(IntOp.MUL, Ty.S32, integer(index), new IntConst(kernel.cols()));
    return IntVal.of((Reg) emit.arith(IntOp.ADD, Ty.S32, first, threads.pair()));
  }

  private Reg integer(Value v) {
    return ((Held.Int) held(v)).reg();
  }

  private Reg[][][] accumulators(Value v) {
    return ((Held.Accumulators) held(v)).regs();
  }

  /** The accumulators of a value that this operation updates in place: it is their only reader. */
  private Reg[][][] overwritten(Value v) {
    long readers = Ops.all(kernel.body()).mapToLong(op -> reads(op, v)).sum();
    if (readers != 1) {
      throw new IllegalStateException(v + " is updated in place but has other readers");
    }
    return accumulators(v);
  }

  private static long reads(Op op, Value v) {
    List<Value> read =
        op instanceof Op.For loop
            ? Stream.concat(loop.carried().stream().map(Carried::init), loop.yields().stream())
                .toList()
            : Ops.inputs(op);
    return read.stream().filter(v::equals).count();
  }

  private Reg[] rowValues(Value v) {
    return ((Held.Rows) held(v)).regs();
  }

  private Held held(Value v) {
    return requireNonNull(held.get(v), () -> "no register holds " + v);
  }
}
