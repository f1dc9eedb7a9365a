package dev.attune.ptx.select;

import dev.attune.compiler.schedule.Batching;
import dev.attune.compiler.spec.CompareOp;
import dev.attune.compiler.spec.Extent;
import dev.attune.compiler.spec.Operand;
import dev.attune.compiler.tile.TileKernel;
import dev.attune.ptx.Inst;
import dev.attune.ptx.Inst.IntOp;
import dev.attune.ptx.Inst.MemTy;
import dev.attune.ptx.Inst.Ty;
import dev.attune.ptx.Operand.IntConst;
import dev.attune.ptx.Reg;
import org.jspecify.annotations.Nullable;

/**
 * Finds the sequence of a query tile by the tile's number among those of all sequences, of which
 * one without queries has none. A warp looks at 32 sequences at a time, one in each lane, and goes
 * on where it was: numbers must not fall. All lanes of the warp must be there.
 *
 * <p>Whatever stands in memory, a sequence lies inside its tensors and is no longer than the launch
 * says.
 */
public final class SequenceSearch {
  private static final int CHUNK = 32;

  private final Emitter emit;
  private final KernelParameters parameters;
  private final Batching batching;
  private final Reg lane;
  private final int rows;
  private final Reg first;
  private final Reg before;

  /**
   * Before the first search.
   *
   * @param lane of the thread
   */
  public SequenceSearch(Emitter emit, KernelParameters parameters, TileKernel kernel, Reg lane) {
    this.emit = emit;
    this.parameters = parameters;
    this.batching = kernel.batching();
    this.lane = lane;
    this.rows = kernel.rows();
    this.first = emit.fresh(Reg.Kind.B32);
    this.before = emit.fresh(Reg.Kind.B32);
    emit.add(new Inst.Mov(first, new IntConst(0)));
    emit.add(new Inst.Mov(before, new IntConst(0)));
  }

  /**
   * A sequence that has been found.
   *
   * @param before query tiles of all sequences before it
   */
  public record Found(Sequence sequence, Reg before) {}

  /**
   * The tokens of a sequence.
   *
   * @param first none where batch strides say
   */
  private record Span(@Nullable Reg first, Reg length) {}

  /**
   * Finds the sequence of a tile.
   *
   * @param none where to go if there are not so many tiles
   */
  public Found find(Reg tile, String none) {
    emit.operation("find sequence");
    Reg b = emit.fresh(Reg.Kind.B32);
    Reg skipped = emit.fresh(Reg.Kind.B32);
    String start = emit.label("search");
    String found = emit.label("sequence");
    emit.add(new Inst.Label(start));
    emit.scope(() -> chunk(tile, b, skipped, none, found));
    emit.add(new Inst.Bra(start, true));
    emit.add(new Inst.Label(found));
    Span queries = span(Operand.Q, b);
    Span keys = span(Operand.K, b);
    return new Found(
        new Sequence(b, queries.length(), keys.length(), queries.first(), keys.first()), skipped);
  }

  /** Looks at 32 sequences, and moves on if the tile is of none of them. */
  private void chunk(Reg tile, Reg b, Reg skipped, String none, String found) {
    Reg count = (Reg) parameters.size(Extent.B);
    Reg past = emit.fresh(Reg.Kind.PRED);
    emit.add(new Inst.SetP(CompareOp.GE, Ty.S32, past, first, count));
    emit.add(new Inst.Guarded(past, false, new Inst.Bra(none, true)));
    Reg mine = emit.fresh(Reg.Kind.B32);
    emit.add(new Inst.Arith(IntOp.ADD, Ty.S32, mine, first, lane));
    Reg exists = emit.compare(CompareOp.LT, Ty.S32, mine, count);
    var last = emit.arith(IntOp.SUB, Ty.S32, count, new IntConst(1));
    Reg inside = (Reg) emit.arith(IntOp.MIN, Ty.S32, mine, last);
    var round =
        emit.arith(IntOp.ADD, Ty.S32, span(Operand.Q, inside).length(), new IntConst(rows - 1L));
    var all = emit.arith(IntOp.DIV, Ty.U32, round, new IntConst(rows));
    Reg tiles = emit.select(Reg.Kind.B32, exists, all, new IntConst(0));
    // The sum over lower lanes: each step adds the sum of the neighbouring half, if it is lower.
    dev.attune.ptx.Operand lower = before;
    dev.attune.ptx.Operand sum = tiles;
    for (int step = 1; step < CHUNK; step *= 2) {
      Reg other = emit.fresh(Reg.Kind.B32);
      emit.add(new Inst.ShflBfly(other, sum, step));
      var bit = emit.arith(IntOp.AND, Ty.B32, lane, new IntConst(step));
      Reg upper = emit.compare(CompareOp.NE, Ty.S32, bit, new IntConst(0));
      var below = emit.select(Reg.Kind.B32, upper, other, new IntConst(0));
      lower = emit.arith(IntOp.ADD, Ty.S32, lower, below);
      sum = emit.arith(IntOp.ADD, Ty.S32, sum, other);
    }
    Reg upTo = (Reg) emit.arith(IntOp.ADD, Ty.S32, lower, tiles);
    Reg votes = emit.fresh(Reg.Kind.B32);
    emit.add(new Inst.VoteBallot(votes, emit.compare(CompareOp.LE, Ty.S32, upTo, tile)));
    // Sums grow with the lane: the sequences to skip are the chunk's first.
    Reg skip = emit.fresh(Reg.Kind.B32);
    emit.add(new Inst.PopCount(skip, votes));
    emit.add(
        new Inst.ShflIdx(skipped, lower, emit.arith(IntOp.AND, Ty.B32, skip, new IntConst(31))));
    emit.add(new Inst.Arith(IntOp.ADD, Ty.S32, b, first, skip));
    Reg here = emit.compare(CompareOp.LT, Ty.S32, skip, new IntConst(CHUNK));
    emit.add(new Inst.Guarded(here, false, new Inst.Bra(found, true)));
    emit.add(new Inst.Arith(IntOp.ADD, Ty.S32, first, first, new IntConst(CHUNK)));
    emit.add(new Inst.Arith(IntOp.ADD, Ty.S32, before, before, sum));
  }

  private Span span(Operand of, Reg b) {
    Extent extent = of == Operand.Q ? Extent.SQ : Extent.SKV;
    var most = parameters.size(extent);
    Reg at = emit.madWide(b, new IntConst(4), parameters.sequences(of));
    var word = emit.loadConst(MemTy.B32, new Inst.Address(at, 0));
    return switch (batching) {
      case PACKED -> {
        Reg tokens = parameters.tokens(of);
        var next = emit.loadConst(MemTy.B32, new Inst.Address(at, 4));
        var from = within(word, new IntConst(0), tokens);
        var to = within(next, from, tokens);
        var length = emit.arith(IntOp.SUB, Ty.S32, to, from);
        yield new Span((Reg) from, (Reg) emit.arith(IntOp.MIN, Ty.S32, length, most));
      }
      case PADDED -> new Span(null, (Reg) within(word, new IntConst(0), most));
      case DENSE -> throw new IllegalStateException("a dense batch has no sequences to search");
    };
  }

  private dev.attune.ptx.Operand within(
      dev.attune.ptx.Operand value, dev.attune.ptx.Operand low, dev.attune.ptx.Operand high) {
    return emit.arith(IntOp.MIN, Ty.S32, emit.arith(IntOp.MAX, Ty.S32, value, low), high);
  }
}
