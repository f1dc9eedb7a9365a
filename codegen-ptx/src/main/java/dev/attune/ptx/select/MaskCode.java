package dev.attune.ptx.select;

import static java.util.Objects.requireNonNull;

import dev.attune.compiler.spec.BinaryOp;
import dev.attune.compiler.spec.CompareOp;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.Extent;
import dev.attune.compiler.spec.Position;
import dev.attune.ptx.Inst;
import dev.attune.ptx.Inst.IntOp;
import dev.attune.ptx.Inst.Ty;
import dev.attune.ptx.Operand;
import dev.attune.ptx.Operand.FloatConst;
import dev.attune.ptx.Operand.IntConst;
import dev.attune.ptx.Reg;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/** Masks on the accumulators of a lane. */
final class MaskCode {
  /** Column blocks of a word. */
  private static final int BLOCKS = Integer.SIZE / 8;

  private static final ColumnBits EXISTING =
      new ColumnBits.Not(new ColumnBits.From(new Expr.Size(Extent.SKV)));

  private final Emitter emit;
  private final ExprCode expressions;
  private final Elements elements;
  private final BitCode words;

  MaskCode(Elements elements) {
    this.emit = elements.emit();
    this.expressions = elements.expressions();
    this.elements = elements;
    this.words = new BitCode(elements);
  }

  /** Computes what the mask's words share, so that later code finds it. */
  void hoist(ColumnBits bits) {
    words.hoist(bits);
  }

  /** {@code otherwise} where the predicate fails or the key is at or past Skv. */
  Held.Accumulators mask(Reg[][][] in, Expr predicate, double otherwise, LaneKeys lane) {
    MaskParts parts = expressions.maskParts(predicate);
    List<Reg[][]> found = parts.heavy().stream().map(part -> anyTerm(in, part, lane)).toList();
    Optional<ColumnBits> bits =
        parts.bits().map(b -> lane.whole() ? b : new ColumnBits.And(b, EXISTING));
    // What rows need for the first word is kept, in the scope around that of the columns.
    bits.ifPresent(b -> rows().forEach(r -> words.word(b, r, lane, 0)));
    Reg[][][] out = new Reg[in.length][in[0].length][4];
    emit.scope(
        () ->
            elements.byColumn(
                in,
                (m, n, i) -> {
                  int r = 2 * m + i / 2;
                  IntVal key = lane.at(n, i);
                  Site site = elements.keySite(r, parts.rest(), lane, key, null);
                  ExprCode.Bool live = expressions.bool(parts.rest(), site);
                  live =
                      expressions.and(
                          live,
                          bits.isPresent()
                              ? expressions.bit(
                                  words.word(bits.get(), r, lane, n / BLOCKS), bit(n, i))
                              : exists(lane, key));
                  for (Reg[][] any : found) {
                    live = expressions.and(live, expressions.bit(any[r][n / BLOCKS], bit(n, i)));
                  }
                  out[m][n][i] = kept(live, in[m][n][i], new FloatConst((float) otherwise));
                }));
    return new Held.Accumulators(out);
  }

  private Reg kept(ExprCode.Bool live, Reg value, FloatConst otherwise) {
    return switch (live) {
      case ExprCode.Bool.Known(boolean all) -> all ? value : emit.reg(otherwise, Reg.Kind.F32);
      case ExprCode.Bool.Held(Reg p) -> emit.select(Reg.Kind.F32, p, value, otherwise);
    };
  }

  /** The bit in its word of a column of block n. */
  private static int bit(int n, int i) {
    return 8 * (n % BLOCKS) + i % 2;
  }

  private IntStream rows() {
    return IntStream.range(0, elements.rows().count());
  }

  /**
   * For each row the columns at which a disjunction holds, as bits. Its terms come one after
   * another: only what one of them needs is held at a time.
   */
  private Reg[][] anyTerm(Reg[][][] in, Expr disjunction, LaneKeys lane) {
    Reg[][] found = new Reg[elements.rows().count()][Math.ceilDiv(in[0].length, BLOCKS)];
    for (Reg[] words : found) {
      for (int w = 0; w < words.length; w++) {
        words[w] = emit.fresh(Reg.Kind.B32);
        emit.add(new Inst.Mov(words[w], new IntConst(0)));
      }
    }
    Terms.of(BinaryOp.OR, disjunction)
        .forEach(
            term ->
                expressions
                    .columnBits(term)
                    .ifPresentOrElse(
                        bits -> addBits(bits, lane, found), () -> addTerm(in, term, lane, found)));
    return found;
  }

  private void addBits(ColumnBits term, LaneKeys lane, Reg[][] found) {
    rows().forEach(r -> emit.scope(() -> addBits(term, r, lane, found[r])));
  }

  private void addBits(ColumnBits term, int row, LaneKeys lane, Reg[] found) {
    for (int w = 0; w < found.length; w++) {
      Operand word = words.word(term, row, lane, w);
      emit.add(new Inst.Arith(IntOp.OR, Ty.B32, found[w], found[w], word));
    }
  }

  private void addTerm(Reg[][][] in, Expr term, LaneKeys lane, Reg[][] found) {
    emit.scope(() -> addElements(in, term, lane, found));
  }

  private void addElements(Reg[][][] in, Expr term, LaneKeys lane, Reg[][] found) {
    List<Expr> parts = Terms.of(BinaryOp.AND, term).toList();
    Expr ofRow = Terms.all(parts.stream().filter(e -> !Exprs.uses(e, Position.KV)).toList());
    Expr ofKey = Terms.all(parts.stream().filter(e -> Exprs.uses(e, Position.KV)).toList());
    List<ExprCode.Bool> rowHolds =
        rows()
            .mapToObj(
                r -> expressions.bool(ofRow, elements.site(r, lane.first(), lane.first(), null)))
            .toList();
    // Within a scope of their own the predicates of columns are forgotten, those of rows are not.
    emit.scope(
        () ->
            elements.byColumn(
                in,
                (m, n, i) -> {
                  int r = 2 * m + i / 2;
                  Site site = elements.keySite(r, ofKey, lane, lane.at(n, i), null);
                  Reg word = found[r][n / BLOCKS];
                  Inst add =
                      new Inst.Arith(IntOp.OR, Ty.B32, word, word, new IntConst(1L << bit(n, i)));
                  switch (expressions.and(rowHolds.get(r), expressions.bool(ofKey, site))) {
                    case ExprCode.Bool.Known(boolean value) -> {
                      if (value) {
                        emit.add(add);
                      }
                    }
                    case ExprCode.Bool.Held(Reg p) -> emit.add(new Inst.Guarded(p, false, add));
                  }
                }));
  }

  private ExprCode.Bool exists(LaneKeys lane, IntVal key) {
    if (lane.whole()) {
      return new ExprCode.Bool.Known(true);
    }
    Operand distance = emit.arith(IntOp.SUB, Ty.S32, requireNonNull(key.base()), elements.keys());
    return new ExprCode.Bool.Held(
        emit.compare(CompareOp.LT, Ty.S32, distance, new IntConst(-key.offset())));
  }

  /**
   * {@code otherwise} where the key is before {@code first}, after {@code last}, or at or past Skv:
   * for each row limits relative to the lane's first column, compared with constants.
   */
  Held.Accumulators limit(
      Reg[][][] in, Optional<Expr> first, Optional<Expr> last, double otherwise, LaneKeys lane) {
    Operand[] low = new Operand[elements.rows().count()];
    Operand[] high = new Operand[elements.rows().count()];
    Operand firstKey = expressions.operand(lane.first());
    Operand end = emit.arith(IntOp.SUB, Ty.S32, elements.keys(), new IntConst(1));
    for (int r = 0; r < elements.rows().count(); r++) {
      Site site = elements.rowSite(r);
      Operand bound = end;
      if (last.isPresent()) {
        Operand to = expressions.narrowRegister(last.get(), site);
        // Kept within the sequence, so that the difference does not overflow.
        Operand inside = emit.arith(IntOp.MAX, Ty.S32, to, new IntConst(-1));
        bound = emit.arith(IntOp.MIN, Ty.S32, inside, end);
      }
      high[r] = emit.arith(IntOp.SUB, Ty.S32, bound, firstKey);
      if (first.isPresent()) {
        Operand from = expressions.narrowRegister(first.get(), site);
        Operand inside = emit.arith(IntOp.MAX, Ty.S32, from, new IntConst(0));
        low[r] = emit.arith(IntOp.SUB, Ty.S32, inside, firstKey);
      }
    }
    FloatConst other = new FloatConst((float) otherwise);
    Reg[][][] out = new Reg[in.length][in[0].length][4];
    elements.byColumn(
        in,
        (m, n, i) -> {
          int r = 2 * m + i / 2;
          IntConst column = new IntConst(8L * n + i % 2);
          Reg before = emit.compare(CompareOp.GE, Ty.S32, high[r], column);
          Reg kept = emit.select(Reg.Kind.F32, before, in[m][n][i], other);
          if (first.isPresent()) {
            Reg after = emit.compare(CompareOp.LE, Ty.S32, low[r], column);
            kept = emit.select(Reg.Kind.F32, after, kept, other);
          }
          out[m][n][i] = kept;
        });
    return new Held.Accumulators(out);
  }
}
