package dev.attune.compiler.pass;

import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.UnaryOp;
import dev.attune.compiler.tile.Op;
import dev.attune.compiler.tile.Op.Carried;
import dev.attune.compiler.tile.Ops;
import dev.attune.compiler.tile.TileKernel;
import dev.attune.compiler.tile.Type;
import dev.attune.compiler.tile.Value;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;

/**
 * The product with V of each tile moves into the iteration of the next, so that it runs while that
 * tile's row maxima are taken (FlashAttention 3: Shah et al. 2024, section 3.2): before the loops
 * the scores of the last tile, after them one product with V. An item without live tiles visits one
 * past the last key.
 */
final class Overlap {
  private final boolean rescaleFirst;
  private final VisitedTiles tiles;
  private final List<Op> body = new ArrayList<>();

  private Overlap(TileKernel kernel, boolean rescaleFirst) {
    this.rescaleFirst = rescaleFirst;
    this.tiles = VisitedTiles.ofItem(kernel.kvTiles());
  }

  /**
   * The pass.
   *
   * @param rescaleFirst the accumulator is rescaled in the iteration after the one that changed its
   *     row maxima, while the scores are computed; else right after the softmax
   */
  static Pass pass(boolean rescaleFirst) {
    return new Pass(
        "overlap",
        "the product with V runs while the next tile's row maxima are taken",
        kernel -> new Overlap(kernel, rescaleFirst).rewrite(kernel));
  }

  /**
   * What one tile hands to the next.
   *
   * @param carried the value of each of the loops' carried values
   * @param weights not yet multiplied with V
   * @param alpha by which the accumulator has still to be rescaled
   */
  private record State(List<Value> carried, Value weights, Optional<Value> alpha) {}

  private TileKernel rewrite(TileKernel kernel) {
    List<Op.For> loops =
        kernel.body().stream().filter(op -> op instanceof Op.For).map(op -> (Op.For) op).toList();
    Op.For first = loops.getFirst();
    Value from = loops.getLast().from();
    Value last = new Value("last", new Type.Int());
    List<Op.For> rest = peeled(loops, last);
    scalar(from, tiles.from());
    scalar(last, tiles.last());
    tiles.fullFrom().ifPresent(e -> scalar(rest.getLast().to(), e));
    tiles.fullTo().ifPresent(e -> scalar(rest.getFirst().from(), e));
    for (Op op : kernel.body()) {
      switch (op) {
        case Op.Scalar bound -> {}
        case Op.For loop when loop.equals(first) -> {
          State state = prologue(first, last);
          for (Op.For next : rest) {
            state = rotated(next, state, next.equals(rest.getLast()));
          }
          tail(rest.getLast(), from, state);
        }
        case Op.For loop -> {}
        default -> body.add(op);
      }
    }
    return kernel.withBody(firstMaximum(kernel.dtype()));
  }

  /**
   * Without row maxima in the loops, that of the first tile serves for all: it is the row's own
   * where the row has no other keys.
   */
  private List<Op> firstMaximum(Dtype dtype) {
    for (int at = 0; at < body.size(); at++) {
      if (body.get(at) instanceof Op.Exp2 exp2) {
        List<Op> before = new ArrayList<>(body.subList(0, at));
        boolean constant =
            before.removeIf(op -> op instanceof Op.Fill f && f.out().equals(exp2.max()));
        if (!constant) {
          break;
        }
        Value least = exp2.max();
        Value maximum = variant(least, "", ".first");
        List<Op> ops = new ArrayList<>();
        ops.add(new Op.Fill(least, BoundedScore.least(dtype)));
        ops.addAll(before);
        ops.add(new Op.RowMax(maximum, exp2.in(), exp2.factor(), least));
        ops.addAll(Ops.rename(body.subList(at, body.size()), v -> v.equals(least) ? maximum : v));
        return ops;
      }
    }
    return body;
  }

  private void scalar(Value out, Expr e) {
    body.add(new Op.Scalar(out, e));
  }

  /**
   * The loops without the last tile. Where only the tile that Skv cuts can be masked, that is all
   * of the first loop: if Skv cuts none, its last tile is full.
   */
  private List<Op.For> peeled(List<Op.For> loops, Value last) {
    List<Op.For> rest = new ArrayList<>();
    boolean onlyOne = loops.size() > 1 && tiles.fullTo().isEmpty();
    for (Op.For loop : loops.subList(onlyOne ? 1 : 0, loops.size())) {
      rest.add(loop.between(loop.from(), rest.isEmpty() ? last : rest.getLast().from()));
    }
    return rest;
  }

  /** The last tile up to its weights. Rescaling an accumulator of zeros is left out. */
  private State prologue(Op.For loop, Value last) {
    Iteration work = Iteration.of(loop);
    Map<Value, Value> known = new HashMap<>(Map.of(loop.index(), last));
    loop.carried().forEach(c -> known.put(c.param(), c.init()));
    List<Value> outside = Ops.inputs(loop);
    UnaryOperator<Value> rename =
        v -> outside.contains(v) ? v : known.computeIfAbsent(v, x -> variant(x, "", ".first"));
    List<Op> ops = new ArrayList<>();
    ops.add(work.key());
    ops.add(new Op.Issue(work.scores()));
    ops.add(new Op.Await(0));
    ops.addAll(work.toMaximum());
    ops.addAll(work.weights());
    body.addAll(Ops.rename(ops, rename));

    List<Value> carried = new ArrayList<>();
    for (int i = 0; i < loop.carried().size(); i++) {
      Value next = loop.yields().get(i);
      boolean output = next.equals(work.output().out());
      carried.add(output ? loop.carried().get(i).init() : rename.apply(next));
    }
    return new State(carried, rename.apply(work.output().a()), alpha(work).map(rename));
  }

  private Optional<Value> alpha(Iteration work) {
    return rescaleFirst ? work.scale().map(Op.ScaleRows::row) : Optional.empty();
  }

  /** A loop that ends one tile behind. The last one leaves the name of the result to the tail. */
  private State rotated(Op.For loop, State state, boolean isLast) {
    Iteration work = Iteration.of(loop);
    Value weights = work.output().a();
    Value weightsIn = variant(weights, "In");
    Optional<Value> alpha = alpha(work);
    Value before = accumulator(loop, work).param();

    List<Op> ops = new ArrayList<>();
    ops.add(work.key());
    ops.add(new Op.Issue(work.scores()));
    Value accumulate = before;
    if (alpha.isPresent()) {
      accumulate = work.scale().orElseThrow().out();
      ops.add(new Op.ScaleRows(accumulate, before, variant(alpha.get(), "In")));
    }
    ops.add(new Op.Load(work.value().out(), work.value().operand(), loop.index(), 1));
    ops.add(new Op.Issue(product(work, work.output().out(), weightsIn, accumulate)));
    if (early(work)) {
      ops.add(new Op.Await(1));
      ops.addAll(work.toMaximum());
      ops.add(new Op.Await(0));
    } else {
      ops.add(new Op.Await(0));
      ops.addAll(work.toMaximum());
    }
    ops.addAll(work.weights());
    Value after = work.output().out();
    if (work.scale().isPresent() && alpha.isEmpty()) {
      Op.ScaleRows scale = work.scale().get();
      after = scale.out();
      ops.add(new Op.ScaleRows(after, work.output().out(), scale.row()));
    }

    List<Carried> carried = new ArrayList<>();
    List<Value> yields = new ArrayList<>();
    for (int i = 0; i < loop.carried().size(); i++) {
      Carried c = loop.carried().get(i);
      boolean output = c.param().equals(before);
      Value result = output && isLast ? variant(c.param(), "Loop") : c.result();
      carried.add(new Carried(c.param(), state.carried.get(i), result));
      yields.add(output ? after : loop.yields().get(i));
    }
    carry(carried, weights, state.weights);
    yields.add(weights);
    alpha.ifPresent(
        a -> {
          carry(carried, a, state.alpha.orElseThrow());
          yields.add(a);
        });
    body.add(
        new Op.For(
            loop.phase(),
            loop.index(),
            loop.from(),
            loop.to(),
            loop.direction(),
            carried,
            ops,
            yields));
    return new State(
        carried.stream().limit(loop.carried().size()).map(Carried::result).toList(),
        variant(weights, "End"),
        alpha.map(a -> variant(a, "End")));
  }

  /**
   * Whether there is elementwise work to do while the second product runs. A tanh is computed one
   * way or another according to its arguments, and no branch may stand between a product and its
   * wait; a fast tanh has no branch.
   */
  private static boolean early(Iteration work) {
    return !work.toMaximum().isEmpty()
        && work.toMaximum().stream()
            .noneMatch(
                op ->
                    op instanceof Op.Map map
                        && Exprs.uses(
                            map.expr().expr(),
                            e -> e instanceof Expr.Unary u && u.op() == UnaryOp.TANH));
  }

  private static void carry(List<Carried> carried, Value value, Value init) {
    carried.add(new Carried(variant(value, "In"), init, variant(value, "End")));
  }

  /** The product of the first tile's weights with V, the last to be made. */
  private void tail(Op.For loop, Value from, State state) {
    Iteration work = Iteration.of(loop);
    Carried output = accumulator(loop, work);
    Value accumulate = state.carried.get(loop.carried().indexOf(output));
    Value value = variant(work.value().out(), "", ".last");
    body.add(new Op.Load(value, work.value().operand(), from));
    if (state.alpha.isPresent()) {
      Value scaled = variant(work.scale().orElseThrow().out(), "", ".last");
      body.add(new Op.ScaleRows(scaled, accumulate, state.alpha.get()));
      accumulate = scaled;
    }
    Op.Dot product = work.output();
    body.add(
        new Op.Issue(
            new Op.Dot(
                output.result(),
                state.weights,
                value,
                product.transposeB(),
                Optional.of(accumulate))));
    body.add(new Op.Await(0));
  }

  private static Op.Dot product(Iteration work, Value out, Value weights, Value accumulate) {
    Op.Dot dot = work.output();
    return new Op.Dot(out, weights, dot.b(), dot.transposeB(), Optional.of(accumulate));
  }

  /** The carried value that the product with V adds to. */
  private static Carried accumulator(Op.For loop, Iteration work) {
    return loop.carried().get(loop.yields().indexOf(work.output().out()));
  }

  private static Value variant(Value value, String more) {
    int dot = value.name().indexOf('.');
    return variant(value, more, dot < 0 ? "" : value.name().substring(dot));
  }

  /** A value named after another: its name without what follows a dot, and more. */
  private static Value variant(Value value, String more, String suffix) {
    int dot = value.name().indexOf('.');
    String name = dot < 0 ? value.name() : value.name().substring(0, dot);
    return new Value(name + more + suffix, value.type());
  }
}
