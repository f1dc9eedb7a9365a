package dev.attune.compiler.pass;

import dev.attune.compiler.analysis.FloatRange;
import dev.attune.compiler.analysis.KvBounds;
import dev.attune.compiler.analysis.Ranges;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.Normalization;
import dev.attune.compiler.spec.Output;
import dev.attune.compiler.tile.Lowering;
import dev.attune.compiler.tile.Op;
import dev.attune.compiler.tile.Op.Carried;
import dev.attune.compiler.tile.Ops;
import dev.attune.compiler.tile.TileKernel;
import dev.attune.compiler.tile.Value;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.UnaryOperator;

/**
 * Where no score can be far from 0, every row's maximum is taken to be 0: nothing is compared,
 * nothing rescaled. (The overlap then takes the maximum of the first tile, so that rows of few keys
 * keep a weight of 1 where those lie together: only masks that are ranges of keys have them so.)
 * Weights and their sums must fit f32 and the weights the kernel's dtype, so the bound depends on
 * it. A sink far below 0 would vanish in a row without live keys, so a sink must be known not to
 * be; a spec that asks for the largest score needs the maximum itself.
 */
final class BoundedScore {
  static final Pass PASS =
      new Pass(
          "bounded-score",
          "scores known to be near 0 need no row maximum and no rescaling",
          BoundedScore::rewrite);

  private BoundedScore() {}

  private static TileKernel rewrite(TileKernel kernel) {
    return bounded(kernel) ? kernel.withBody(withoutMaximum(kernel.body())) : kernel;
  }

  /** The largest distance of a weight's exponent from 0. */
  private static double limit(TileKernel kernel) {
    return switch (kernel.dtype()) {
      case BF16 -> 80;
      case F16 -> 8;
    };
  }

  private static boolean bounded(TileKernel kernel) {
    if (!(kernel.spec().normalization() instanceof Normalization.Softmax softmax)
        || kernel.spec().outputs().contains(Output.MAX_SCORE)) {
      return false;
    }
    Ranges ranges = Ranges.worstCase(kernel.spec());
    double limit = limit(kernel);
    boolean sink =
        softmax
            .sink()
            .map(s -> ranges.real(Exprs.mul(s.expr(), Exprs.of(Lowering.LOG2E))).lo() >= -limit)
            .orElse(true);
    FloatRange score =
        ranges.real(Exprs.mul(kernel.spec().score().expr(), Exprs.of(Lowering.LOG2E)));
    return sink
        && score.lo() >= -limit
        && score.hi() <= limit
        && KvBounds.ofRow(kernel.spec()).isPresent();
  }

  /**
   * The least maximum of a first tile to be kept: below it, weights of later tiles could grow too
   * large.
   */
  static double least(Dtype dtype) {
    return switch (dtype) {
      case BF16 -> -20;
      case F16 -> -4;
    };
  }

  private static List<Op> withoutMaximum(List<Op> ops) {
    Set<Value> maxima = maxima(ops);
    Map<Value, Value> replaced = new HashMap<>();
    List<Op> body = new ArrayList<>();
    for (Op op : ops) {
      switch (op) {
        case Op.For loop -> body.add(withoutMaximum(loop, maxima, replaced));
        case Op.Fill fill when maxima.contains(fill.out()) -> body.add(new Op.Fill(fill.out(), 0));
        default -> body.add(Ops.rename(op, v -> replaced.getOrDefault(v, v)));
      }
    }
    return body;
  }

  /** The row maxima with which loops start. */
  private static Set<Value> maxima(List<Op> ops) {
    Set<Value> starts = new HashSet<>();
    for (Op op : ops) {
      if (op instanceof Op.For loop) {
        Set<Value> params = new HashSet<>();
        loop.body().stream()
            .filter(o -> o instanceof Op.Rescale)
            .forEach(o -> params.add(((Op.Rescale) o).oldMax()));
        loop.carried().stream()
            .filter(c -> params.contains(c.param()))
            .forEach(c -> starts.add(c.init()));
      }
    }
    return starts;
  }

  /** Every maximum of the loop, also the one after it, is the one that it starts with. */
  private static Op.For withoutMaximum(Op.For loop, Set<Value> maxima, Map<Value, Value> replaced) {
    List<Carried> carried = new ArrayList<>();
    List<Integer> kept = new ArrayList<>();
    for (int i = 0; i < loop.carried().size(); i++) {
      Carried c = loop.carried().get(i);
      if (maxima.contains(c.init())) {
        replaced.put(c.param(), c.init());
        replaced.put(c.result(), c.init());
      } else {
        carried.add(c);
        kept.add(i);
      }
    }
    UnaryOperator<Value> current = v -> replaced.getOrDefault(v, v);
    List<Op> body = new ArrayList<>();
    for (Op inner : loop.body()) {
      Op op = Ops.rename(inner, current);
      switch (op) {
        case Op.RowMax o -> replaced.put(o.out(), o.floor());
        case Op.Rescale o -> {
          replaced.put(o.max(), o.oldMax());
          replaced.put(o.sumOut(), o.sum());
        }
        case Op.ScaleRows o -> replaced.put(o.out(), o.in());
        case Op.Exp2 o -> body.add(new Op.Exp2(o.out(), o.in(), o.factor(), o.max(), false));
        default -> body.add(op);
      }
    }
    return new Op.For(
        loop.phase(),
        loop.index(),
        loop.from(),
        loop.to(),
        loop.direction(),
        carried,
        body,
        kept.stream().map(i -> current.apply(loop.yields().get(i))).toList());
  }
}
