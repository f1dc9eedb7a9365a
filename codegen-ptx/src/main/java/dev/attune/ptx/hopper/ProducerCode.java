package dev.attune.ptx.hopper;

import static java.util.Objects.requireNonNull;
import static java.util.Objects.requireNonNullElse;

import dev.attune.compiler.spec.CompareOp;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Extent;
import dev.attune.compiler.spec.Operand;
import dev.attune.compiler.tile.Op;
import dev.attune.compiler.tile.TileKernel;
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
import dev.attune.ptx.select.Sequence;
import dev.attune.ptx.select.SequenceSearch;
import dev.attune.ptx.select.TileTests;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The producer: one thread of its warpgroup claims items and loads their tiles. Where tiles are
 * tested, or items searched among sequences, the rest of its warp helps with that.
 */
final class ProducerCode {
  private final Context context;
  private final Emitter emit;
  private final HopperLayout layout;
  private final Op.Role role;
  private final Map<Operand, Ring> rings = new EnumMap<>(Operand.class);
  private final Map<Operand, Reg> maps = new EnumMap<>(Operand.class);
  private @Nullable ItemShape shape;
  private @Nullable Reg next;
  private @Nullable TileTests tests;
  private @Nullable Tiles tiles;
  // Holds in the thread that acts; absent where it is the only one here.
  private final @Nullable Reg leader;

  ProducerCode(Context context, Op.Role role) {
    this.context = context;
    this.emit = context.emit();
    this.layout = context.layout();
    this.role = role;
    this.leader = context.testsTiles() || context.searches() ? emit.fresh(Reg.Kind.PRED) : null;
  }

  /** Appends what one thread does. */
  private void act(Inst inst) {
    emit.add(leader == null ? inst : new Inst.Guarded(leader, false, inst));
  }

  void emit() {
    String end = emit.label("produced");
    Reg warp = emit.fresh(Reg.Kind.B32);
    emit.add(
        new Inst.ShflIdx(
            warp, emit.arith(IntOp.SHR, Ty.S32, context.thread(), new IntConst(5)), 0));
    Reg other = emit.fresh(Reg.Kind.PRED);
    emit.add(new Inst.SetP(CompareOp.NE, Ty.S32, other, warp, new IntConst(0)));
    emit.add(new Inst.Guarded(other, false, new Inst.Bra(end, true)));
    if (leader == null) {
      Reg elected = emit.fresh(Reg.Kind.PRED);
      emit.add(new Inst.Elect(elected));
      emit.add(new Inst.Guarded(elected, true, new Inst.Bra(end, false)));
    } else {
      emit.add(new Inst.SetP(CompareOp.EQ, Ty.S32, leader, context.thread(), new IntConst(0)));
    }
    for (Operand of : List.of(Operand.Q, Operand.K, Operand.V)) {
      Reg map = emit.fresh(Reg.Kind.B64);
      emit.add(new Inst.TensorMapAddress(map, context.parameters().tensorMap(of)));
      emit.add(new Inst.PrefetchTensorMap(map));
      maps.put(of, map);
      rings.put(of, new Ring(emit, context.shared(), layout, of, true));
    }
    if (role.body().size() != 1
        || !(role.body().getFirst() instanceof Op.ForItems items)
        || !(items.items() instanceof Op.Items.Claimed claimed)) {
      throw new IllegalStateException("expected a loop over claimed items");
    }
    items(items.body(), claimed);
    emit.add(new Inst.Label(end));
    emit.add(new Inst.Ret());
  }

  private void items(List<Op> body, Op.Items.Claimed claimed) {
    // In each role by itself: what all hold from the start on, some assemblers spill.
    shape = ItemShape.emit(emit, context.parameters(), context.kernel());
    Optional<WorkItems> dense =
        context.ofSequences()
            ? Optional.empty()
            : Optional.of(WorkItems.dense(shape, claimed.sectionBytes()));
    Reg number = special(Inst.Special.CTAID_X);
    Reg held = context.ofResidues() ? null : special(Inst.Special.NCTAID_X);
    // Where a producer has much to keep it is read again.
    Supplier<Reg> ctas = () -> held == null ? special(Inst.Special.NCTAID_X) : held;
    String start = emit.label("item");
    String none = emit.label("no_item");
    Find find =
        dense
            .map(this::among)
            .orElseGet(
                () ->
                    context.ofResidues()
                        ? amongResidues(claimed.sectionBytes(), ctas, start)
                        : amongSequences(claimed.sectionBytes()));
    emit.add(new Inst.Label(start));
    emit.scope(() -> item(body, find.item(number, none)));
    emit.add(
        new Inst.Arith(
            IntOp.ADD, Ty.S32, number, requireNonNull(next, "no item was claimed"), ctas.get()));
    emit.add(new Inst.Bra(start, leader != null));
    emit.add(new Inst.Label(none));
    String ended = emit.label("ended");
    if (leader != null) {
      emit.add(new Inst.Guarded(leader, true, new Inst.Bra(ended, false)));
    }
    end(ctas.get());
    emit.add(new Inst.Label(ended));
  }

  /** The number of the next item, less the CTAs that began with one. */
  private Reg claim() {
    emit.operation("claim");
    Reg claimed = emit.fresh(Reg.Kind.B32);
    if (leader != null) {
      emit.add(new Inst.Mov(claimed, new IntConst(0)));
    }
    act(new Inst.AtomAdd(claimed, new Address(context.parameters().counter(), 0), new IntConst(1)));
    return leader == null ? claimed : ofLeader(claimed);
  }

  /** Finds the item of a number, or goes elsewhere if there is none. */
  private interface Find {
    WorkItems.Item item(Reg number, String none);
  }

  private Find among(WorkItems items) {
    Reg count = items.count();
    return (number, none) -> {
      leave(number, count, none);
      return items.item(number);
    };
  }

  /** Goes elsewhere with a number of what there are not as many of. */
  private void leave(Reg number, Reg count, String none) {
    Reg past = emit.fresh(Reg.Kind.PRED);
    emit.add(new Inst.SetP(CompareOp.GE, Ty.S32, past, number, count));
    emit.add(new Inst.Guarded(past, false, new Inst.Bra(none, leader != null)));
  }

  /** Classes have as many numbers as the longest has items: those left over are of none. */
  private Find amongResidues(long sectionBytes, Supplier<Reg> ctas, String start) {
    var parameters = context.parameters();
    var queries = parameters.size(Extent.SQ);
    var longest = parameters.classLength(emit, queries, new IntConst(0));
    Reg each = WorkItems.count(shape(), longest);
    return (number, none) -> {
      Reg classes = (Reg) emit.arith(IntOp.MIN, Ty.S32, parameters.step(), queries);
      var nth = emit.arith(IntOp.DIV, Ty.U32, number, each);
      var skipped = emit.arith(IntOp.MUL, Ty.S32, nth, each);
      Reg inClass = (Reg) emit.arith(IntOp.SUB, Ty.S32, number, skipped);
      Reg b = (Reg) emit.arith(IntOp.DIV, Ty.U32, nth, classes);
      leave(b, (Reg) parameters.size(Extent.B), none);
      var before = emit.arith(IntOp.MUL, Ty.S32, b, classes);
      Reg residue = (Reg) emit.arith(IntOp.SUB, Ty.S32, nth, before);
      Sequence in = parameters.residueClass(emit, b, residue);
      WorkItems items = WorkItems.of(in, shape(), sectionBytes);
      String found = emit.label("class");
      Reg some = emit.compare(CompareOp.LT, Ty.S32, inClass, items.count());
      emit.add(new Inst.Guarded(some, false, new Inst.Bra(found, leader != null)));
      emit.add(new Inst.Arith(IntOp.ADD, Ty.S32, number, claim(), ctas.get()));
      emit.add(new Inst.Bra(start, leader != null));
      emit.add(new Inst.Label(found));
      return items.item(inClass);
    };
  }

  private Find amongSequences(long sectionBytes) {
    var parameters = context.parameters();
    // The warp is the CTA's first.
    SequenceSearch search =
        new SequenceSearch(emit, parameters, context.kernel(), context.thread());
    return (number, none) -> {
      var heads = parameters.size(Extent.HQ);
      Reg tile = (Reg) emit.arith(IntOp.DIV, Ty.U32, number, heads);
      SequenceSearch.Found found = search.find(tile, none);
      var skipped = emit.arith(IntOp.MUL, Ty.S32, found.before(), heads);
      Reg inSequence = (Reg) emit.arith(IntOp.SUB, Ty.S32, number, skipped);
      return WorkItems.of(found.sequence(), shape(), sectionBytes).item(inSequence);
    };
  }

  /** Tells the consumers that there is no more, and leaves the counter as it was found. */
  private void end(Reg ctas) {
    Ring ring = ring(Operand.Q);
    Reg barriers = ring.barriers();
    ring.await(ring.empty(barriers));
    Reg zero = emit.fresh(Reg.Kind.B32);
    emit.add(new Inst.Mov(zero, new IntConst(0)));
    slot(List.of(zero, zero, zero, zero));
    emit.add(new Inst.MbarrierArrive(ring.full(barriers)));
    emit.add(new Inst.FenceGpu());
    Reg counter = context.parameters().counter();
    Reg before = emit.fresh(Reg.Kind.B32);
    Reg last = (Reg) emit.arith(IntOp.SUB, Ty.S32, ctas, new IntConst(1));
    emit.add(new Inst.AtomInc(before, new Address(counter, 4), last));
    Reg others = emit.fresh(Reg.Kind.PRED);
    String kept = emit.label("counter_kept");
    emit.add(new Inst.SetP(CompareOp.NE, Ty.S32, others, before, last));
    emit.add(new Inst.Guarded(others, false, new Inst.Bra(kept, false)));
    emit.add(new Inst.FenceGpu());
    emit.add(new Inst.St(Space.GLOBAL, MemTy.B32, new Address(counter, 0), List.of(zero)));
    emit.add(new Inst.Label(kept));
  }

  private void item(List<Op> body, WorkItems.Item item) {
    TileKernel kernel = context.kernel();
    Reg first = shape().first(item.tile());
    Reg kvHead = shape().kvHead(item.head());
    Map<Expr.Var, Reg> variables = new HashMap<>(shape().variables(first, item.in()));
    Env env = shape().env(item.in(), item.head(), variables);
    if (context.testsTiles()) {
      // The warp is the CTA's first.
      tests = context.count(env, item.in(), context.thread());
      variables.putAll(TileTests.variables(tests.counts()));
      env = env.withTile(variables);
      tiles = new Tiles(tests.cursor(Op.Direction.DESCENDING));
    }
    ExprCode expressions = new ExprCode(emit, kernel.spec(), env);
    RowCode none =
        new RowCode(
            emit,
            expressions,
            new LaneRows.OneHead(item.head(), first, 0),
            (Reg) item.in().queries(),
            (Reg) item.in().keys(),
            false,
            1);
    RegisterCode code =
        new RegisterCode(emit, kernel, role.body(), expressions, none, first, Optional.empty());
    code.put(kernel.qTile(), new Held.Int(item.tile()));
    block(body, code, item, kvHead);
  }

  private void block(List<Op> ops, RegisterCode code, WorkItems.Item item, Reg kvHead) {
    for (Op op : ops) {
      switch (op) {
        case Op.Put put -> put(put, code, item, kvHead);
        case Op.For loop -> code.loop(loop, index -> block(loop.body(), code, item, kvHead));
        case Op.Claim c -> next = claim();
        default -> code.operation(op);
      }
    }
  }

  /** The kv tiles that pass, in the order of K, which V follows. */
  private final class Tiles {
    private final TileTests.Cursor cursor;
    private final Reg latest = emit.fresh(Reg.Kind.B32);
    private final Reg before = emit.fresh(Reg.Kind.B32);

    Tiles(TileTests.Cursor cursor) {
      this.cursor = cursor;
      emit.add(new Inst.Mov(latest, new IntConst(0)));
    }

    /** The next tile of K. */
    Reg next(dev.attune.ptx.Operand number) {
      emit.add(new Inst.Mov(before, latest));
      Reg tile = cursor.next(number);
      emit.add(new Inst.Mov(latest, tile));
      return tile;
    }

    /** The tile of V: that of the last K, or of the one before it. */
    Reg ofValues(boolean behind) {
      Reg tile = emit.fresh(Reg.Kind.B32);
      emit.add(new Inst.Mov(tile, behind ? before : latest));
      return tile;
    }
  }

  /** What a register holds in the thread that acts. */
  private Reg ofLeader(Reg value) {
    Reg same = emit.fresh(Reg.Kind.B32);
    emit.add(new Inst.ShflIdx(same, value, 0));
    return same;
  }

  private void put(Op.Put put, RegisterCode code, WorkItems.Item item, Reg kvHead) {
    Operand operand = put.channel().operand();
    emit.operation("put " + put.channel().name());
    Ring ring = ring(operand);
    Reg barriers = ring.barriers();
    ring.await(ring.empty(barriers));
    boolean query = operand == Operand.Q;
    if (query) {
      Reg some = emit.fresh(Reg.Kind.B32);
      emit.add(new Inst.Mov(some, new IntConst(1)));
      slot(List.of(item.tile(), item.head(), item.in().b(), some));
      if (context.ofSequences()) {
        Reg none = emit.reg(new IntConst(0), Reg.Kind.B32);
        Reg residue = requireNonNullElse(item.in().residue(), none);
        Reg from = requireNonNullElse(item.in().firstQuery(), residue);
        Reg queries = (Reg) item.in().queries();
        words(layout.sequence(), List.of(queries, (Reg) item.in().keys(), from, none));
      }
      if (tests != null) {
        words(layout.counts(), tests.counts());
      }
    }
    dev.attune.ptx.Operand tile =
        emit.arith(IntOp.ADD, Ty.S32, code.integer(put.index()), new IntConst(put.ahead()));
    if (tiles != null && operand == Operand.K) {
      Reg found = tiles.next(tile);
      Reg at = ring.staged(context.shared(), HopperLayout.WORD);
      act(new Inst.St(Space.SHARED, MemTy.B32, new Address(at, layout.tiles()), List.of(found)));
      tile = found;
    } else if (tiles != null && operand == Operand.V) {
      tile = tiles.ofValues(put.ahead() > 0);
    }
    act(new Inst.MbarrierExpect(ring.full(barriers), bytes(operand)));
    var positions = query ? shape().positions() : new IntConst(layout.rows(operand));
    var row = emit.arith(IntOp.MUL, Ty.S32, tile, positions);
    Reg buffer = ring.staged(context.shared(), layout.tile(operand));
    for (int slab = 0; slab < layout.slabs(operand); slab++) {
      act(
          new Inst.TmaLoad(
              new Address(buffer, layout.buffer(operand) + slab * layout.slab(operand)),
              requireNonNull(maps.get(operand)),
              coordinates(operand, item, kvHead, row, slab * layout.slabColumns()),
              ring.full(barriers)));
    }
    ring.advance();
  }

  private List<dev.attune.ptx.Operand> coordinates(
      Operand operand, WorkItems.Item item, Reg kvHead, dev.attune.ptx.Operand row, int column) {
    boolean query = operand == Operand.Q;
    return query && context.kernel().packed()
        ? List.of(new IntConst(column), new IntConst(0), row, item.head(), item.in().b())
        : context
            .parameters()
            .coordinates(emit, operand, item.in(), query ? item.head() : kvHead, row, column);
  }

  /** Bytes of a tile. */
  private dev.attune.ptx.Operand bytes(Operand operand) {
    return operand == Operand.Q && context.kernel().packed()
        ? emit.arith(
            IntOp.MUL,
            Ty.S32,
            context.parameters().boxBytes(operand),
            new IntConst(layout.slabs(operand)))
        : new IntConst(layout.tile(operand));
  }

  private void slot(List<Reg> words) {
    words(layout.slot(), words);
  }

  private void words(int at, List<Reg> words) {
    act(new Inst.St(Space.SHARED, MemTy.B32, new Address(context.shared(), at), words));
  }

  private ItemShape shape() {
    return requireNonNull(shape, "no items yet");
  }

  private Ring ring(Operand operand) {
    return requireNonNull(rings.get(operand), () -> "no ring of " + operand);
  }

  private Reg special(Inst.Special special) {
    Reg reg = emit.fresh(Reg.Kind.B32);
    emit.add(new Inst.ReadSpecial(reg, special));
    return reg;
  }
}
