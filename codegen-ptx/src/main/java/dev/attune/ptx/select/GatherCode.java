package dev.attune.ptx.select;

import static java.util.Objects.requireNonNull;

import dev.attune.compiler.analysis.Bounds;
import dev.attune.compiler.analysis.Interval;
import dev.attune.compiler.analysis.Ranges;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.CompareOp;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.Extent;
import dev.attune.compiler.spec.Shape;
import dev.attune.compiler.spec.TensorDecl;
import dev.attune.compiler.tile.TileKernel;
import dev.attune.ptx.Inst;
import dev.attune.ptx.Inst.IntOp;
import dev.attune.ptx.Inst.MemTy;
import dev.attune.ptx.Inst.Ty;
import dev.attune.ptx.Operand;
import dev.attune.ptx.Operand.FloatConst;
import dev.attune.ptx.Operand.IntConst;
import dev.attune.ptx.Reg;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Instructions for elements of captured tensors. */
final class GatherCode {
  private final Emitter emit;
  private final AttentionSpec spec;
  private final Env env;
  private final ExprCode expressions;
  private final ExprCode launch;
  private final @Nullable SortedSearch search;
  private final Ranges outsideLoops;
  private final Ranges insideLoops;

  /**
   * Code for the tensors of a spec.
   *
   * @param expressions code for indices
   * @param search none where not a whole warp is there
   */
  GatherCode(
      Emitter emit,
      AttentionSpec spec,
      Env env,
      ExprCode expressions,
      @Nullable SortedSearch search) {
    this.emit = emit;
    this.spec = spec;
    this.env = env;
    this.expressions = expressions;
    this.search = search;
    this.launch = env.ofSequences() ? new ExprCode(emit, spec, env.ofLaunch()) : expressions;
    this.outsideLoops = ranges(spec, 0);
    this.insideLoops = ranges(spec, 1);
  }

  /** Loads an element of a captured tensor; an index that may leave its extent is clamped. */
  Reg load(Expr.Gather g, Site site) {
    TensorDecl tensor = spec.tensor(g.tensor()).orElseThrow();
    Site inside = inside(site);
    MemTy type =
        switch (g.type()) {
          case INT -> MemTy.B32;
          case FLOAT -> MemTy.F32;
          case BOOL -> MemTy.U8;
        };
    List<Expr> indices = g.indices();
    int last = indices.size() - 1;
    Operand row = row(tensor, indices.subList(0, last), type, inside);
    IntVal index = index(indices.get(last), tensor.shape().get(last), inside);
    long offset = index.offset() * type.bytes();
    boolean near = Math.abs(offset) < 1 << 20;
    IntVal rest = near ? new IntVal(index.base(), 0, index.wide()) : index;
    Operand at = row;
    if (rest.wide()) {
      at =
          plus64(
              row,
              emit.arith(IntOp.MUL, Ty.S64, expressions.operand(rest), new IntConst(type.bytes())));
    } else if (!rest.constant()) {
      at = emit.madWide(expressions.operand(rest), new IntConst(type.bytes()), row);
    } else if (rest.offset() != 0) {
      at = plus64(row, new IntConst(rest.offset() * type.bytes()));
    }
    Inst.Address element = new Inst.Address(emit.reg(at, Reg.Kind.B64), near ? (int) offset : 0);
    // Outside the loops over keys there may be no key; what was loaded there serves inside.
    ExprCode.Bool guard = hasElements(tensor, outsideLoops);
    if (guard instanceof ExprCode.Bool.Held(Reg some)) {
      Reg loaded = emit.loadedIf(some, type, element);
      if (loaded != null) {
        return loaded;
      }
    }
    return switch (site.kv() == null ? guard : hasElements(tensor, insideLoops)) {
      case ExprCode.Bool.Known(boolean some) ->
          some
              ? emit.loadConst(type, element)
              : emit.reg(type == MemTy.F32 ? new FloatConst(0) : new IntConst(0), type.kind());
      case ExprCode.Bool.Held(Reg some) -> emit.loadConstIf(some, type, element);
    };
  }

  /** Searches a row of a sorted tensor. */
  Reg search(Expr.Search s, Site site) {
    TensorDecl tensor = spec.tensor(s.tensor()).orElseThrow();
    Operand row = row(tensor, s.row(), MemTy.B32, inside(site));
    Reg extent = launch.narrowRegister(tensor.shape().getLast(), Site.UNIFORM);
    Operand entries =
        hasElements(tensor, outsideLoops) instanceof ExprCode.Bool.Held(Reg some)
            ? emit.select(Reg.Kind.B32, some, extent, new IntConst(0))
            : extent;
    IntVal value = expressions.integer(s.value(), site);
    return requireNonNull(search, "a whole warp")
        .find(row, entries, expressions.operand(value), value.wide());
  }

  /** The address of a row along the last dimension. */
  private Operand row(TensorDecl tensor, List<Expr> indices, MemTy type, Site inside) {
    Operand prefix = new IntConst(0);
    for (int d = 0; d < indices.size(); d++) {
      Operand index = wideIndex(indices.get(d), tensor.shape().get(d), inside);
      Operand extent =
          expressions.operand(
              expressions.widen(launch.integer(tensor.shape().get(d + 1), Site.UNIFORM), true));
      prefix = emit.arith(IntOp.MUL, Ty.S64, plus64(prefix, index), extent);
    }
    Operand bytes = emit.arith(IntOp.MUL, Ty.S64, prefix, new IntConst(type.bytes()));
    return plus64(requireNonNull(env.tensors().get(tensor.name())), bytes);
  }

  private static Site inside(Site site) {
    return new Site(
        site.h(), site.qInside(), site.qInside(), site.kvInside(), site.kvInside(), site.score());
  }

  /** Whether a tensor has elements. */
  private ExprCode.Bool hasElements(TensorDecl tensor, Ranges sizes) {
    ExprCode.Bool some = new ExprCode.Bool.Known(true);
    for (Expr extent : tensor.shape()) {
      if (sizes.integer(extent).lo() < 1) {
        Expr positive = new Expr.Compare(CompareOp.GT, extent, Exprs.of(0L));
        some = expressions.and(some, launch.bool(positive, Site.UNIFORM));
      }
    }
    return some;
  }

  /** Ranges in a CTA, which has queries. */
  static Ranges ranges(AttentionSpec spec, long leastKeys) {
    Interval row = new Interval(0, Shape.MAX_SEQ - 1);
    Ranges sizes =
        Ranges.worstCase(spec).with(TileKernel.ROLE_FIRST, row).with(TileKernel.ROLE_LAST, row);
    for (Extent e : Extent.values()) {
      long least = e == Extent.SKV ? leastKeys : 1;
      sizes = sizes.with(e, new Interval(least, Shape.MAX_SEQ));
    }
    return sizes;
  }

  private Operand plus64(Operand a, Operand b) {
    return a instanceof IntConst(long x) && x == 0 ? b : emit.arith(IntOp.ADD, Ty.S64, a, b);
  }

  private Operand wideIndex(Expr index, Expr extent, Site inside) {
    return expressions.operand(expressions.widen(index(index, extent, inside), true));
  }

  private IntVal index(Expr index, Expr extent, Site inside) {
    IntVal value = expressions.integer(index, inside);
    boolean certain =
        env.ofSequences()
            ? Bounds.insideLaunch(index, extent, spec)
            : Bounds.inside(index, extent, spec);
    if (certain) {
      return value;
    }
    IntVal size = launch.integer(extent, Site.UNIFORM);
    boolean wide = value.wide() || size.wide();
    IntVal highest = expressions.plain(IntOp.MIN, value, size.plus(-1), wide);
    IntVal clamped = expressions.plain(IntOp.MAX, highest, IntVal.of(0), wide);
    return clamped;
  }
}
