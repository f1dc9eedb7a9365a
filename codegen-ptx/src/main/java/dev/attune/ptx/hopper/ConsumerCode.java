package dev.attune.ptx.hopper;

import static java.util.Objects.requireNonNull;

import dev.attune.compiler.schedule.Batching;
import dev.attune.compiler.schedule.Schedule.Hopper.Output;
import dev.attune.compiler.spec.CompareOp;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Operand;
import dev.attune.compiler.tile.Op;
import dev.attune.compiler.tile.TileKernel;
import dev.attune.compiler.tile.Value;
import dev.attune.ptx.Inst;
import dev.attune.ptx.Inst.Address;
import dev.attune.ptx.Inst.IntOp;
import dev.attune.ptx.Inst.MemTy;
import dev.attune.ptx.Inst.Space;
import dev.attune.ptx.Inst.Ty;
import dev.attune.ptx.Operand.IntConst;
import dev.attune.ptx.Reg;
import dev.attune.ptx.hopper.HopperSelection.Context;
import dev.attune.ptx.select.Emitter;
import dev.attune.ptx.select.Env;
import dev.attune.ptx.select.ExprCode;
import dev.attune.ptx.select.Held;
import dev.attune.ptx.select.LaneRows;
import dev.attune.ptx.select.RegisterCode;
import dev.attune.ptx.select.RowCode;
import dev.attune.ptx.select.RowStore;
import dev.attune.ptx.select.Sequence;
import dev.attune.ptx.select.Site;
import dev.attune.ptx.select.Unroll;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** A consumer: a warpgroup that computes 64 query rows of every item it receives. */
final class ConsumerCode {
  private static final int THREADS = 128;
  private static final int CHAINS = 4;

  private final Context context;
  private final Emitter emit;
  private final HopperLayout layout;
  private final TileKernel kernel;
  private final Op.Role role;
  private final Registers registers;
  private final Reg barrier;
  private final Reg elected;
  private final Reg groupRow;
  private final ItemShape shape;
  private final ItemShape.Lane laneRows;
  private final Reg lane;
  private final Reg pair;
  private final @Nullable Reg outputMap;
  private final Products products;
  private final Fragments fragments;
  private final Map<Operand, Ring> rings = new EnumMap<>(Operand.class);
  private final Map<Operand, Reg> lower = new EnumMap<>(Operand.class);

  ConsumerCode(Context context, Op.Role role, Registers registers) {
    this.context = context;
    this.emit = context.emit();
    this.layout = context.layout();
    this.kernel = context.kernel();
    this.role = role;
    this.registers = registers;
    emit.add(new Inst.SetMaxRegisters(registers.consumer(), true));
    // Barrier 0 is the CTA's; each warpgroup has the one of its own number.
    this.barrier = context.group();
    var copy = emit.arith(IntOp.SUB, Ty.S32, context.group(), new IntConst(1));
    this.groupRow =
        (Reg) emit.arith(IntOp.MUL, Ty.S32, copy, new IntConst(HopperLayout.GROUP_ROWS));
    var inGroup = emit.arith(IntOp.AND, Ty.B32, context.thread(), new IntConst(THREADS - 1));
    this.elected = emit.fresh(Reg.Kind.PRED);
    emit.add(
        new Inst.SetP(
            CompareOp.EQ, Ty.S32, elected, emit.reg(inGroup, Reg.Kind.B32), new IntConst(0)));
    this.lane = (Reg) emit.arith(IntOp.AND, Ty.B32, context.thread(), new IntConst(31));
    var warp = emit.arith(IntOp.SHR, Ty.S32, inGroup, new IntConst(5));
    Reg warpRow = (Reg) emit.mad(Ty.S32, warp, new IntConst(16), groupRow);
    var row = emit.arith(IntOp.SHR, Ty.S32, lane, new IntConst(2));
    this.shape = ItemShape.emit(emit, context.parameters(), kernel);
    this.laneRows = shape.lane((Reg) emit.arith(IntOp.ADD, Ty.S32, warpRow, row));
    var quad = emit.arith(IntOp.AND, Ty.B32, lane, new IntConst(3));
    this.pair = (Reg) emit.arith(IntOp.SHL, Ty.B32, quad, new IntConst(1));
    this.products = new Products(emit, kernel.dtype(), layout, kernel.headDim());
    this.fragments = new Fragments(emit, layout, lane, warpRow, context.shared());
    this.outputMap = context.schedule().output() == Output.DIRECT ? null : outputMap();
    for (Operand of : List.of(Operand.Q, Operand.K, Operand.V)) {
      rings.put(of, new Ring(emit, context.shared(), layout, of, false));
      var at = emit.arith(IntOp.ADD, Ty.S32, context.shared(), new IntConst(layout.buffer(of)));
      if (of == Operand.Q) {
        at = emit.mad(Ty.S32, groupRow, new IntConst(layout.pitch()), at);
      }
      lower.put(of, products.lower(of, (Reg) at));
    }
  }

  private Reg outputMap() {
    Reg map = emit.fresh(Reg.Kind.B64);
    emit.add(new Inst.TensorMapAddress(map, context.parameters().tensorMap(Operand.O)));
    return map;
  }

  void emit() {
    if (role.body().size() != 1
        || !(role.body().getFirst() instanceof Op.ForItems items)
        || !(items.items() instanceof Op.Items.Received received)
        || received.channel().operand() != Operand.Q) {
      throw new IllegalStateException("expected a loop over items received with Q");
    }
    Held.Matrix query = products.matrix(requireNonNull(lower.get(Operand.Q)));
    String start = emit.label("item");
    String done = emit.label("done");
    emit.add(new Inst.Label(start));
    Ring ring = ring(Operand.Q);
    ring.await(ring.full(ring.barriers()));
    List<Reg> slot = List.of(b32(), b32(), b32(), b32());
    emit.add(
        new Inst.Ld(Space.SHARED, MemTy.B32, slot, new Address(context.shared(), layout.slot())));
    Reg none = emit.fresh(Reg.Kind.PRED);
    emit.add(new Inst.SetP(CompareOp.EQ, Ty.S32, none, slot.get(3), new IntConst(0)));
    emit.add(new Inst.Guarded(none, false, new Inst.Bra(done, true)));
    // After a spin the assembler takes the warp for diverged: stages and descriptors would then
    // live in vector registers, at ten instructions more for every wgmma.
    emit.add(new Inst.BarWarpSync());
    emit.scope(
        () -> new Item(slot.get(0), slot.get(1), sequence(slot.get(2)), query).run(items.body()));
    emit.add(new Inst.Bra(start, true));
    emit.add(new Inst.Label(done));
    if (outputMap != null) {
      emit.add(new Inst.TmaStoreWait(0, false));
    }
    emit.add(new Inst.Ret());
  }

  /** The item's sequence: what the producer says of it. */
  private Sequence sequence(Reg b) {
    if (!context.ofSequences()) {
      return context.parameters().dense(b);
    }
    List<Reg> words = List.of(b32(), b32(), b32(), b32());
    emit.add(
        new Inst.Ld(
            Space.SHARED, MemTy.B32, words, new Address(context.shared(), layout.sequence())));
    if (context.ofResidues()) {
      return Sequence.of(b, words.get(2), words.get(0), words.get(1));
    }
    Reg from = kernel.batching() == Batching.PACKED ? words.get(2) : null;
    return new Sequence(b, words.get(0), words.get(1), from, null);
  }

  /** The code of one item. */
  private final class Item {
    private final Sequence in;
    private final Reg head;
    private final Reg first;
    private final LaneRows mine;
    private final Held.Matrix query;
    private final RegisterCode code;
    private final Map<Operand, Reg> barriers = new HashMap<>();
    private final RowCode rows;
    private final ExprCode expressions;
    private Runnable correction = () -> {};
    private boolean inFlight;
    private boolean copied;
    private boolean stored;

    Item(Reg tile, Reg head, Sequence in, Held.Matrix query) {
      this.in = in;
      this.head = head;
      this.query = query;
      this.first = shape.first(tile);
      this.mine = laneRows.of(first, head);
      Map<Expr.Var, Reg> variables = shape.variables(first, groupRow, in);
      Env env = shape.env(in, head, variables);
      if (context.testsTiles()) {
        variables.putAll(context.counted());
        env = env.withTile(variables);
      }
      this.expressions = new ExprCode(emit, kernel.spec(), env);
      this.rows =
          new RowCode(emit, expressions, mine, (Reg) in.queries(), (Reg) in.keys(), true, CHAINS);
      this.code =
          new RegisterCode(emit, kernel, role.body(), expressions, rows, pair, Optional.empty());
      code.put(kernel.qTile(), new Held.Int(tile));
    }

    void run(List<Op> body) {
      code.hoist(body);
      block(body, Op.Phase.MASKED);
    }

    private void block(List<Op> ops, Op.Phase phase) {
      for (Op op : ops) {
        if (!inFlight && !(op instanceof Op.Release)) {
          correction.run();
          correction = () -> {};
        }
        switch (op) {
          case Op.Get o -> {
            get(o);
            if (o.channel().operand() == Operand.K) {
              place(ops);
            }
          }
          case Op.Release o -> release(o, phase);
          case Op.Copy o -> {
            emit.operation("copy " + o.out());
            code.put(o.out(), fragments.read(Operand.Q, products.steps()));
            copied = true;
          }
          case Op.Issue o -> issue(o.dot());
          case Op.Await o -> {
            emit.add(new Inst.WgmmaWait(o.pending()));
            inFlight = o.pending() > 0;
          }
          case Op.RowMax o when phase == Op.Phase.BULK && context.schedule().integerMax() ->
              integerMax(o);
          case Op.For o -> code.loop(o, index -> block(o.body(), o.phase()));
          case Op.Store o -> store(o);
          case Op.StoreRow o -> {
            emit.operation("store " + o.operand());
            new RowStore(emit, context.parameters())
                .store(o.operand(), code.rowValues(o.in()), in, mine, pair);
          }
          default -> code.operation(op);
        }
      }
    }

    /**
     * A branch must not sit between a product and its wait: what corrects the maximum comes after.
     */
    private void integerMax(Op.RowMax o) {
      emit.operation("rowMax " + o.out() + " over bits");
      Reg[][][] in = code.accumulators(o.in());
      var factor = expressions.real(Unroll.unroll(o.factor()), Site.UNIFORM);
      Reg[] floor = code.rowValues(o.floor());
      RowCode.BitMax max = rows.maxOfBits(in, factor, floor);
      code.put(o.out(), max.rows());
      correction = () -> rows.correct(max, in, factor, floor);
    }

    private void get(Op.Get o) {
      emit.operation("get " + o.out());
      Operand operand = o.channel().operand();
      Ring ring = ring(operand);
      Reg at = ring.barriers();
      barriers.put(operand, at);
      if (operand == Operand.Q) {
        code.put(o.out(), query); // Arrived with the item.
        return;
      }
      ring.await(ring.full(at));
      Reg base = ring.staged(requireNonNull(lower.get(operand)), layout.tile(operand) / 16);
      code.put(o.out(), products.matrix(base));
    }

    /** Finds out which keys have arrived, and loads what operations on their scores will read. */
    private void place(List<Op> ops) {
      Reg tile = null;
      if (context.testsTiles() && ops.stream().anyMatch(RegisterCode::placesKeys)) {
        tile = b32();
        Reg at = ring(Operand.K).staged(context.shared(), HopperLayout.WORD);
        emit.add(
            new Inst.Ld(Space.SHARED, MemTy.B32, List.of(tile), new Address(at, layout.tiles())));
      }
      code.at(tile);
      code.loadAhead(ops, HopperSchedules.spare(kernel.headDim(), context.schedule(), registers));
    }

    private void release(Op.Release o, Op.Phase phase) {
      emit.operation("release " + o.channel().name());
      Operand operand = o.channel().operand();
      if (operand == Operand.Q && stored) {
        emit.add(new Inst.TmaStoreWait(0, true));
      } else if (operand == Operand.Q && copied) {
        emit.add(new Inst.FenceProxyAsync());
        synchronize();
      } else if (phase == Op.Phase.EMPTY) {
        // Without a product to keep them together, no warp may fall a whole ring behind.
        synchronize();
      }
      Ring ring = ring(operand);
      Reg at = requireNonNull(barriers.get(operand), "released before it was got");
      emit.add(new Inst.Guarded(elected, false, new Inst.MbarrierArrive(ring.empty(at))));
      ring.advance();
    }

    private void issue(Op.Dot o) {
      emit.operation("issue " + o.out());
      Reg[][][] into = o.accumulate().map(code::overwritten).orElseGet(() -> accumulators(o.out()));
      emit.add(new Inst.WgmmaFence());
      Held.Matrix right = (Held.Matrix) code.get(o.b());
      if (o.transposeB()) {
        products.scores(code.get(o.a()), right, into);
      } else {
        products.output((Held.LeftOperands) code.get(o.a()), right, into);
      }
      emit.add(new Inst.WgmmaCommit());
      inFlight = true;
      code.put(o.out(), new Held.Accumulators(into));
    }

    private Reg[][][] accumulators(Value value) {
      return code.fresh(value.tile());
    }

    private void store(Op.Store o) {
      emit.operation("store " + o.operand());
      Held.LeftOperands output = (Held.LeftOperands) code.get(o.in());
      if (o.staging() == Op.Staging.DIRECT) {
        new RowStore(emit, context.parameters())
            .store(output, kernel.headDim().v(), in, mine, pair);
        return;
      }
      stored = o.staging() == Op.Staging.QUERY;
      if (o.staging() == Op.Staging.OWN) {
        emit.add(new Inst.TmaStoreWait(0, true));
      }
      synchronize();
      fragments.write(Operand.O, output);
      emit.add(new Inst.FenceProxyAsync());
      synchronize();
      String done = emit.label("stored");
      emit.add(new Inst.Guarded(elected, true, new Inst.Bra(done, false)));
      Reg row = (Reg) emit.arith(IntOp.ADD, Ty.S32, first, groupRow);
      Reg from = (Reg) emit.mad(Ty.S32, groupRow, new IntConst(layout.pitch()), context.shared());
      for (int slab = 0; slab < layout.slabs(Operand.O); slab++) {
        emit.add(
            new Inst.TmaStore(
                requireNonNull(outputMap),
                context
                    .parameters()
                    .coordinates(emit, Operand.O, in, head, row, slab * layout.slabColumns()),
                new Address(from, layout.buffer(Operand.O) + slab * layout.slab(Operand.O))));
      }
      emit.add(new Inst.TmaStoreCommit());
      emit.add(new Inst.Label(done));
    }
  }

  private void synchronize() {
    emit.add(new Inst.BarSyncSome(barrier, THREADS));
  }

  private Ring ring(Operand operand) {
    return requireNonNull(rings.get(operand), () -> "no ring of " + operand);
  }

  private Reg b32() {
    return emit.fresh(Reg.Kind.B32);
  }
}
