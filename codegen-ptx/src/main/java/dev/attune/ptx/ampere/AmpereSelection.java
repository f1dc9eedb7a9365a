package dev.attune.ptx.ampere;

import static java.util.Objects.requireNonNull;

import dev.attune.compiler.schedule.Batching;
import dev.attune.compiler.schedule.Schedule;
import dev.attune.compiler.schedule.Target;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Extent;
import dev.attune.compiler.spec.Operand;
import dev.attune.compiler.tile.Channel;
import dev.attune.compiler.tile.Op;
import dev.attune.compiler.tile.TileKernel;
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
import dev.attune.ptx.select.KernelParameters;
import dev.attune.ptx.select.LaneRows;
import dev.attune.ptx.select.RegisterCode;
import dev.attune.ptx.select.RowCode;
import dev.attune.ptx.select.Sequence;
import dev.attune.ptx.select.SequenceSearch;
import dev.attune.ptx.select.TileTests;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Instructions for a tile kernel: one walk over its operations. */
public final class AmpereSelection {
  private static final String NO_TILE = "no_tile";

  private final TileKernel kernel;
  private final Schedule.Ampere schedule;
  private final Target target;
  private final AmpereLayout layout;
  private final Emitter emit = new Emitter();
  private final KernelParameters parameters;
  private final Threads threads;
  private final Reg qTile;
  private final Sequence sequence;
  private final Reg firstRow;
  private final Optional<TileTests> tests;
  private final Reg head;
  private final Env env;
  private final ExprCode expressions;
  private final Synchronization sync = new Synchronization(emit);
  private final Products products;
  private final RegisterCode registers;
  private final Map<Operand, Copies> copies = new EnumMap<>(Operand.class);
  private final Map<Operand, Reg> readBases = new EnumMap<>(Operand.class);

  private AmpereSelection(TileKernel kernel, Schedule.Ampere schedule, Target target) {
    this.kernel = kernel;
    this.schedule = schedule;
    this.target = target;
    this.layout = AmpereLayout.of(kernel.headDim(), schedule);
    emit.operation("prologue");
    this.parameters = KernelParameters.strided(emit, kernel);
    this.threads = Threads.emit(emit, schedule);
    Optional<SequenceSearch.Found> found =
        kernel.batching() == Batching.DENSE ? Optional.empty() : Optional.of(search());
    this.qTile = found.map(this::tile).orElseGet(this::denseTile);
    this.firstRow = (Reg) emit.arith(IntOp.MUL, Ty.S32, qTile, new IntConst(kernel.rows()));
    this.head = special(Inst.Special.CTAID_Y);
    Reg group = (Reg) parameters.size(Extent.GROUP);
    Reg hkv = (Reg) emit.arith(IntOp.DIV, Ty.S32, head, group);
    var queries =
        found.map(f -> f.sequence().queries()).orElseGet(() -> parameters.size(Extent.SQ));
    Map<Expr.Var, Reg> variables = new HashMap<>(tileVariables(queries));
    this.sequence =
        found
            .map(SequenceSearch.Found::sequence)
            .orElseGet(() -> parameters.dense(special(Inst.Special.CTAID_Z)));
    Env place = parameters.env(sequence, head, hkv, variables);
    this.tests =
        kernel
            .tested()
            .map(
                t ->
                    new TileTests(
                        emit,
                        kernel.spec(),
                        t,
                        place,
                        (Reg) emit.arith(IntOp.AND, Ty.B32, threads.tid(), new IntConst(31)),
                        sequence.keys()));
    tests.ifPresent(t -> variables.putAll(TileTests.variables(t.counts())));
    this.env = place.withTile(variables);
    this.expressions = new ExprCode(emit, kernel.spec(), env);
    this.products = new Products(emit, kernel.dtype(), layout, schedule, kernel.headDim());
    Reg warpRow = (Reg) emit.arith(IntOp.ADD, Ty.S32, threads.firstRow(), threads.row());
    Reg row = (Reg) emit.arith(IntOp.ADD, Ty.S32, firstRow, warpRow);
    RowCode rows =
        new RowCode(
            emit,
            expressions,
            new LaneRows.OneHead(head, row, schedule.rowsPerWarp() / 8),
            (Reg) sequence.queries(),
            (Reg) sequence.keys(),
            false,
            1);
    this.registers =
        new RegisterCode(
            emit,
            kernel,
            kernel.body(),
            expressions,
            rows,
            threads.pair(),
            tests.map(t -> t.cursor(Op.Direction.ASCENDING)));
    registers.put(kernel.qTile(), new Held.Int(qTile));
  }

  /** The PTX of a kernel for a target. */
  public static PtxKernel select(
      TileKernel kernel, Schedule.Ampere schedule, Target target, String entry) {
    return new AmpereSelection(kernel, schedule, target).run(entry);
  }

  private PtxKernel run(String entry) {
    registers.hoist(kernel.body());
    readers(kernel.body());
    block(kernel.body(), qTile);
    if (kernel.batching() != Batching.DENSE) {
      emit.add(new Inst.Label(NO_TILE));
    }
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

  /** The sequence of the CTA's query tile: tiles of all sequences are numbered along x. */
  private SequenceSearch.Found search() {
    SequenceSearch search = new SequenceSearch(emit, parameters, kernel, threads.lane());
    return search.find(special(Inst.Special.CTAID_X), NO_TILE);
  }

  /** The CTA's query tile in its sequence. */
  private Reg tile(SequenceSearch.Found found) {
    Reg block = special(Inst.Special.CTAID_X);
    Reg nth = (Reg) emit.arith(IntOp.SUB, Ty.S32, block, found.before());
    return switch (kernel.order()) {
      case ASCENDING -> nth;
      case DESCENDING -> {
        var queries = found.sequence().queries();
        var last = emit.arith(IntOp.SUB, Ty.S32, queries, new IntConst(1));
        var lastTile = emit.arith(IntOp.DIV, Ty.U32, last, new IntConst(kernel.rows()));
        yield (Reg) emit.arith(IntOp.SUB, Ty.S32, lastTile, nth);
      }
    };
  }

  private Reg denseTile() {
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

  private Map<Expr.Var, Reg> tileVariables(dev.attune.ptx.Operand queries) {
    var lastRow = emit.arith(IntOp.ADD, Ty.S32, firstRow, new IntConst(kernel.rows() - 1L));
    var lastQuery = emit.arith(IntOp.SUB, Ty.S32, queries, new IntConst(1));
    Reg last = (Reg) emit.arith(IntOp.MIN, Ty.S32, lastRow, lastQuery);
    return Map.of(TileKernel.Q_FIRST, firstRow, TileKernel.Q_LAST, last);
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
    Reg of = operand == Operand.Q ? head : env.hkv();
    copies.put(
        operand,
        new Copies(
            emit,
            threads,
            schedule.threads(),
            channel,
            geometry,
            parameters.headAddress(emit, operand, sequence, of),
            parameters.stride(operand, Axis.SEQ),
            operand == Operand.Q ? sequence.queries() : sequence.keys(),
            operand == Operand.Q
                ? Optional.empty()
                : tests.map(t -> t.cursor(Op.Direction.ASCENDING))));
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
      case Op.Put o -> {
        emit.operation("put " + o.channel().name());
        sync.beforePut(o.channel());
        requireNonNull(copies.get(o.channel().operand()))
            .put(registers.integer(o.index()), o.ahead(), o.end().map(registers::integer));
        sync.committed(o.channel());
      }
      case Op.Release o -> sync.release(o.channel());
      case Op.Dot o -> dot(o);
      case Op.Store o -> {
        emit.operation("store " + o.operand());
        sync.drain();
        stores().tile((Held.LeftOperands) registers.get(o.in()));
      }
      case Op.StoreRow o -> {
        emit.operation("store " + o.operand());
        stores().rows(o.operand(), registers.rowValues(o.in()));
      }
      case Op.For o -> loop(o);
      case Op.Load o -> throw new IllegalStateException("a load outside a channel: " + o);
      case Op.Copy o -> throw notThisFamily(o);
      case Op.Issue o -> throw notThisFamily(o);
      case Op.Await o -> throw notThisFamily(o);
      case Op.Roles o -> throw notThisFamily(o);
      case Op.ForItems o -> throw notThisFamily(o);
      case Op.Claim o -> throw notThisFamily(o);
      case Op.Get o -> throw new IllegalStateException("a get outside its group: " + o);
      default -> registers.operation(op);
    }
  }

  private static IllegalStateException notThisFamily(Op op) {
    return new IllegalStateException("no pass of this family makes " + op);
  }

  /** Reads the thread's place again, so that it need not stay in registers through the loops. */
  private Stores stores() {
    boolean dense = kernel.batching() == Batching.DENSE;
    Sequence in = dense ? parameters.dense(special(Inst.Special.CTAID_Z)) : sequence;
    Reg h = special(Inst.Special.CTAID_Y);
    Reg tile = dense ? denseTile() : qTile;
    Reg first = (Reg) emit.arith(IntOp.MUL, Ty.S32, tile, new IntConst(kernel.rows()));
    return new Stores(
        emit, kernel, schedule, layout, Threads.emit(emit, schedule), parameters, in, h, first);
  }

  private void get(Op.Get get, Reg index) {
    Channel channel = get.channel();
    Reg base = requireNonNull(readBases.get(channel.operand()));
    int stage = channel.operand() == Operand.K ? layout.keyStage() : layout.valueStage();
    Reg address = Copies.buffer(emit, base, index, stage, channel.stages());
    boolean early = channel.operand() == Operand.Q && schedule.queryInRegisters();
    registers.put(get.out(), early ? products.query(address) : new Held.Shared(address));
  }

  private void dot(Op.Dot o) {
    emit.operation("dot " + o.out());
    Reg[][][] into =
        o.accumulate()
            .map(registers::overwritten)
            .orElseGet(() -> registers.filled(o.out().tile(), 0));
    Reg[][][] result =
        o.transposeB()
            ? products.scores(registers.get(o.a()), (Held.Shared) registers.get(o.b()), into)
            : products.output(
                (Held.LeftOperands) registers.get(o.a()), (Held.Shared) registers.get(o.b()), into);
    registers.put(o.out(), new Held.Accumulators(result));
  }

  private void loop(Op.For loop) {
    registers.loop(loop, index -> sync.loop(loop.body(), () -> block(loop.body(), index)));
  }
}
