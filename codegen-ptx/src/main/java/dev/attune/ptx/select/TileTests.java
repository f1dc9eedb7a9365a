package dev.attune.ptx.select;

import dev.attune.compiler.analysis.KvBounds;
import dev.attune.compiler.analysis.TestedTiles;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.CompareOp;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.tile.Op;
import dev.attune.ptx.Inst;
import dev.attune.ptx.Inst.IntOp;
import dev.attune.ptx.Inst.PredOp;
import dev.attune.ptx.Inst.Ty;
import dev.attune.ptx.Operand;
import dev.attune.ptx.Operand.IntConst;
import dev.attune.ptx.Reg;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The kv tiles of an item that pass a test. A warp tests 32 tiles at a time, one in each lane; all
 * lanes of the warp must be there.
 */
public final class TileTests {
  private static final int CHUNK = 32;

  private final Emitter emit;
  private final AttentionSpec spec;
  private final TestedTiles tested;
  private final Env env;
  private final Reg lane;
  private final Operand keys;
  private final Reg from;
  private final Reg to;
  private final Reg live;
  private final Reg full;

  /**
   * Counts the tiles that pass.
   *
   * @param env of the item, with the variables of its query tile
   * @param keys Skv
   */
  public TileTests(
      Emitter emit, AttentionSpec spec, TestedTiles tested, Env env, Reg lane, Operand keys) {
    this.emit = emit;
    this.spec = spec;
    this.tested = tested;
    this.env = env;
    this.lane = lane;
    this.keys = keys;
    ExprCode expressions = new ExprCode(emit, spec, env);
    Reg start = expressions.narrowRegister(Unroll.unroll(tested.from()), Site.UNIFORM);
    Reg end = expressions.narrowRegister(Unroll.unroll(tested.to()), Site.UNIFORM);
    this.from = tested.searched().isPresent() ? copy(start) : start;
    this.to = tested.searched().isPresent() ? copy(end) : end;
    tested.searched().ifPresent(this::narrow);
    this.live = zero(emit);
    this.full = zero(emit);
    count();
  }

  /** How many tiles pass, and how many of them are full. */
  public List<Reg> counts() {
    return List.of(live, full);
  }

  /** The variables that hold {@link #counts}. */
  public static Map<Expr.Var, Reg> variables(List<Reg> counts) {
    return Map.of(TestedTiles.LIVE, counts.get(0), TestedTiles.FULL, counts.get(1));
  }

  /** Goes through the tiles by their numbers, in a direction. */
  public Cursor cursor(Op.Direction direction) {
    return new Cursor(direction);
  }

  /** Searches for a shorter range where the one at hand is long. */
  private void narrow(TestedTiles.Searched searched) {
    emit.operation("search tiles");
    String near = emit.label("near");
    emit.scope(
        () -> {
          Operand tiles = emit.arith(IntOp.SUB, Ty.S32, to, from);
          Reg few = emit.compare(CompareOp.LE, Ty.S32, tiles, new IntConst(TestedTiles.NEAR));
          emit.add(new Inst.Guarded(few, false, new Inst.Bra(near, true)));
          ExprCode expressions = new ExprCode(emit, spec, env, new SortedSearch(emit, lane));
          Reg start = expressions.narrowRegister(Unroll.unroll(searched.from()), Site.UNIFORM);
          Reg end = expressions.narrowRegister(Unroll.unroll(searched.to()), Site.UNIFORM);
          emit.add(new Inst.Mov(from, start));
          emit.add(new Inst.Mov(to, end));
        });
    emit.add(new Inst.Label(near));
  }

  private void count() {
    emit.operation("count tiles");
    Reg base = copy(from);
    String start = emit.label("count");
    String end = emit.label("counted");
    emit.add(new Inst.Label(start));
    emit.scope(
        () -> {
          Reg done = emit.fresh(Reg.Kind.PRED);
          emit.add(new Inst.SetP(CompareOp.GE, Ty.S32, done, base, to));
          emit.add(new Inst.Guarded(done, false, new Inst.Bra(end, true)));
          test(
              base,
              (some, all) -> {
                add(live, ones(ballot(some)));
                add(full, ones(ballot(emit.logic(PredOp.AND, some, all))));
              });
          add(base, new IntConst(CHUNK));
        });
    emit.add(new Inst.Bra(start, true));
    emit.add(new Inst.Label(end));
  }

  private interface Tested {
    void accept(Reg some, Reg all);
  }

  /** What the lane's tile of the chunk is. */
  private void test(Reg base, Tested use) {
    emit.scope(
        () -> {
          Reg tile = emit.fresh(Reg.Kind.B32);
          emit.add(new Inst.Arith(IntOp.ADD, Ty.S32, tile, base, lane));
          Reg inside = emit.compare(CompareOp.LT, Ty.S32, tile, to);
          // What lies past the range is tested as its last tile: nothing outside is read.
          var last = emit.arith(IntOp.SUB, Ty.S32, to, new IntConst(1));
          var within = emit.arith(IntOp.MIN, Ty.S32, tile, last);
          Reg first = (Reg) emit.arith(IntOp.MUL, Ty.S32, within, new IntConst(tested.cols()));
          var end = emit.arith(IntOp.ADD, Ty.S32, first, new IntConst(tested.cols()));
          var cut = emit.arith(IntOp.MIN, Ty.S32, end, keys);
          Reg lastKey = (Reg) emit.arith(IntOp.SUB, Ty.S32, cut, new IntConst(1));
          Map<Expr.Var, Reg> variables = new HashMap<>(env.tile());
          variables.put(KvBounds.KV_FIRST, first);
          variables.put(KvBounds.KV_LAST, lastKey);
          ExprCode expressions = new ExprCode(emit, spec, env.withTile(variables));
          Reg some = predicate(expressions.bool(Unroll.unroll(tested.some()), Site.UNIFORM));
          Reg all = predicate(expressions.bool(Unroll.unroll(tested.all()), Site.UNIFORM));
          use.accept(emit.logic(PredOp.AND, inside, some), all);
        });
  }

  private Reg predicate(ExprCode.Bool bool) {
    return switch (bool) {
      case ExprCode.Bool.Held(Reg reg) -> reg;
      case ExprCode.Bool.Known(boolean value) ->
          emit.compare(
              CompareOp.EQ,
              Ty.S32,
              emit.reg(new IntConst(value ? 1 : 0), Reg.Kind.B32),
              new IntConst(1));
    };
  }

  private Reg ballot(Reg predicate) {
    Reg votes = emit.fresh(Reg.Kind.B32);
    emit.add(new Inst.VoteBallot(votes, predicate));
    return votes;
  }

  private Reg ones(Reg votes) {
    Reg count = emit.fresh(Reg.Kind.B32);
    emit.add(new Inst.PopCount(count, votes));
    return count;
  }

  private void add(Reg to, Operand more) {
    emit.add(new Inst.Arith(IntOp.ADD, Ty.S32, to, to, more));
  }

  private static Reg zero(Emitter emit) {
    Reg reg = emit.fresh(Reg.Kind.B32);
    emit.add(new Inst.Mov(reg, new IntConst(0)));
    return reg;
  }

  private Reg copy(Operand value) {
    Reg reg = emit.fresh(Reg.Kind.B32);
    emit.add(new Inst.Mov(reg, value));
    return reg;
  }

  /** The tiles one after another. Within the full ones, and within the others, none is left out. */
  public final class Cursor {
    private static final int NEITHER = 2;

    private final boolean descending;
    private final Reg start;
    private final Reg base;
    private final Reg votes;
    private final Reg kind;

    private Cursor(Op.Direction direction) {
      this.descending = direction == Op.Direction.DESCENDING;
      if (descending) {
        // One past the chunk of the last tile; chunks are counted from the first.
        var last = emit.arith(IntOp.SUB, Ty.S32, to, from);
        var round = emit.arith(IntOp.ADD, Ty.S32, last, new IntConst(CHUNK - 1));
        var whole = emit.arith(IntOp.AND, Ty.B32, round, new IntConst(-CHUNK));
        this.start = (Reg) emit.arith(IntOp.ADD, Ty.S32, from, whole);
      } else {
        this.start = (Reg) emit.arith(IntOp.SUB, Ty.S32, from, new IntConst(CHUNK));
      }
      this.base = copy(start);
      this.votes = zero(emit);
      this.kind = copy(new IntConst(NEITHER));
    }

    /** The tile of a number: the next of its kind; past the last, the number itself. */
    public Reg next(Operand number) {
      Reg tile = copy(number);
      String done = emit.label("tile");
      emit.scope(() -> find(tile, done));
      emit.add(new Inst.Label(done));
      return tile;
    }

    private void find(Reg tile, String done) {
      branch(setp(CompareOp.GE, tile, live), done);
      Reg isFull = setp(CompareOp.LT, tile, full);
      Reg wanted = emit.fresh(Reg.Kind.B32);
      emit.add(new Inst.SelP(wanted, new IntConst(1), new IntConst(0), isFull));
      Reg other = setp(CompareOp.NE, wanted, kind);
      emit.add(new Inst.Guarded(other, false, new Inst.Mov(base, start)));
      emit.add(new Inst.Guarded(other, false, new Inst.Mov(votes, new IntConst(0))));
      emit.add(new Inst.Mov(kind, wanted));
      String look = emit.label("look");
      String found = emit.label("found");
      emit.add(new Inst.Label(look));
      branch(setp(CompareOp.NE, votes, new IntConst(0)), found);
      add(base, new IntConst(descending ? -CHUNK : CHUNK));
      test(
          base,
          (some, all) -> {
            // Live and of the kind that is wanted.
            Reg same = emit.fresh(Reg.Kind.PRED);
            emit.add(new Inst.Pred(PredOp.XOR, same, all, isFull));
            Reg wantedHere = emit.logic(PredOp.AND, some, emit.not(same));
            emit.add(new Inst.VoteBallot(votes, wantedHere));
          });
      emit.add(new Inst.Bra(look, true));
      emit.add(new Inst.Label(found));
      Operand candidates = votes;
      if (!descending) {
        Reg negative = emit.fresh(Reg.Kind.B32);
        emit.add(
            new Inst.Arith(
                IntOp.SUB, Ty.S32, negative, emit.reg(new IntConst(0), Reg.Kind.B32), votes));
        Reg lowest = emit.fresh(Reg.Kind.B32);
        emit.add(new Inst.Arith(IntOp.AND, Ty.B32, lowest, votes, negative));
        candidates = lowest;
      }
      Reg bit = emit.fresh(Reg.Kind.B32);
      emit.add(new Inst.HighestBit(bit, candidates));
      Reg taken = emit.fresh(Reg.Kind.B32);
      emit.add(
          new Inst.Arith(IntOp.SHL, Ty.B32, taken, emit.reg(new IntConst(1), Reg.Kind.B32), bit));
      emit.add(new Inst.Arith(IntOp.XOR, Ty.B32, votes, votes, taken));
      emit.add(new Inst.Arith(IntOp.ADD, Ty.S32, tile, base, bit));
    }

    private Reg setp(CompareOp op, Reg a, Operand b) {
      Reg p = emit.fresh(Reg.Kind.PRED);
      emit.add(new Inst.SetP(op, Ty.S32, p, a, b));
      return p;
    }

    private void branch(Reg predicate, String label) {
      emit.add(new Inst.Guarded(predicate, false, new Inst.Bra(label, true)));
    }
  }
}
