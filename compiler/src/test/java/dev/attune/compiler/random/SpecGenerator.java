package dev.attune.compiler.random;

import static dev.attune.compiler.spec.Exprs.add;
import static dev.attune.compiler.spec.Exprs.and;
import static dev.attune.compiler.spec.Exprs.max;
import static dev.attune.compiler.spec.Exprs.min;
import static dev.attune.compiler.spec.Exprs.mul;
import static dev.attune.compiler.spec.Exprs.not;
import static dev.attune.compiler.spec.Exprs.of;
import static dev.attune.compiler.spec.Exprs.or;
import static dev.attune.compiler.spec.Exprs.sub;

import dev.attune.compiler.reference.Inputs.Distribution;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.BinaryOp;
import dev.attune.compiler.spec.Clause;
import dev.attune.compiler.spec.CompareOp;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.Extent;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.compiler.spec.Normalization;
import dev.attune.compiler.spec.Origin;
import dev.attune.compiler.spec.Output;
import dev.attune.compiler.spec.ParamDecl;
import dev.attune.compiler.spec.Position;
import dev.attune.compiler.spec.ReduceOp;
import dev.attune.compiler.spec.ScalarType;
import dev.attune.compiler.spec.Shape;
import dev.attune.compiler.spec.TensorDecl;
import dev.attune.compiler.spec.UnaryOp;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.Tuple;

/**
 * Random specs and problems. Everything shrinks: masks and scores to fewer operators, constants and
 * extents toward 0.
 */
public final class SpecGenerator {
  private static final Origin ORIGIN = new Origin("random.attn", 0);

  private static final Expr B = new Expr.At(Position.B);
  private static final Expr H = new Expr.At(Position.H);
  private static final Expr HKV = new Expr.At(Position.HKV);
  private static final Expr Q = new Expr.At(Position.Q);
  private static final Expr KV = new Expr.At(Position.KV);
  private static final Expr SQ = new Expr.Size(Extent.SQ);
  private static final Expr SKV = new Expr.Size(Extent.SKV);
  private static final Expr SCALED = mul(new Expr.Score(), new Expr.Scale());

  private static final Expr WINDOW = new Expr.Param("window", ScalarType.INT);
  private static final Expr SHIFT = new Expr.Param("shift", ScalarType.INT);
  private static final Expr CAP = new Expr.Param("cap", ScalarType.FLOAT);
  private static final Expr SLOPE = new Expr.Param("slope", ScalarType.FLOAT);
  private static final Expr FLAG = new Expr.Param("flag", ScalarType.BOOL);

  private static final List<ParamDecl> PARAMS =
      List.of(
          param(WINDOW, of(4L), Optional.of(compare(CompareOp.GE, WINDOW, of(1L))), 1),
          param(SHIFT, of(0L), Optional.empty(), -ParamDecl.INT_LIMIT),
          param(CAP, of(10.0), Optional.of(compare(CompareOp.GT, CAP, of(0.0))), Double.MIN_VALUE),
          param(SLOPE, of(0.5), Optional.empty(), Double.NEGATIVE_INFINITY),
          param(FLAG, of(true), Optional.empty(), 0));

  /** The reach of the relative bias: its table has 2·REACH + 1 entries per head. */
  private static final long REACH = 8;

  private static final List<TensorDecl> TENSORS =
      List.of(
          tensor("doc", ScalarType.INT, true, 0, 5, new Expr.Size(Extent.SKV)),
          tensor("docs", ScalarType.INT, true, 0, 5, new Expr.Size(Extent.B), SKV),
          tensor("kinds", ScalarType.INT, false, 0, 3, SKV),
          tensor("lengths", ScalarType.INT, false, 0, 70, new Expr.Size(Extent.B)),
          tensor("keep", ScalarType.BOOL, false, 0, 1, SKV),
          tensor("live", ScalarType.BOOL, false, 0, 1, new Expr.Size(Extent.B), SQ, SKV),
          tensor("global", ScalarType.BOOL, false, 0, 1, new Expr.Size(Extent.HQ)),
          tensor("slopes", ScalarType.FLOAT, false, -0.5, 0.5, new Expr.Size(Extent.HQ)),
          tensor("sinks", ScalarType.FLOAT, false, -3, 3, new Expr.Size(Extent.HQ)),
          tensor("by_row", ScalarType.FLOAT, false, -2, 2, new Expr.Size(Extent.B), SQ),
          tensor("by_key", ScalarType.FLOAT, false, -2, 2, new Expr.Size(Extent.HKV), SKV),
          tensor("by_pair", ScalarType.FLOAT, false, -2, 2, SQ, SKV),
          tensor(
              "relative",
              ScalarType.FLOAT,
              false,
              -2,
              2,
              new Expr.Size(Extent.HQ),
              of(2 * REACH + 1)));

  private SpecGenerator() {}

  /** Any spec on any small problem. */
  public static Arbitrary<Case> cases() {
    return cases(
        Arbitraries.frequencyOf(Tuple.of(4, softmax()), Tuple.of(1, weights())),
        Arbitraries.of(Dtype.class),
        shapes());
  }

  /** A spec with a softmax on any small problem. */
  public static Arbitrary<Case> softmaxCases() {
    return cases(softmax(), Arbitraries.of(Dtype.class), shapes());
  }

  /** Specs of one kind on given problems whose answers the dtype can hold. */
  public static Arbitrary<Case> cases(
      Arbitrary<AttentionSpec> specs, Arbitrary<Dtype> dtypes, Arbitrary<Shape> shapes) {
    Arbitrary<Optional<Double>> scales =
        Arbitraries.frequencyOf(
            Tuple.of(5, Arbitraries.just(Optional.empty())),
            Tuple.of(2, Arbitraries.of(0.25, 1.0, 2.0).map(Optional::of)));
    return Combinators.combine(
            specs,
            dtypes,
            shapes,
            scales,
            params(),
            Arbitraries.frequencyOf(
                Tuple.of(1, Arbitraries.just(Distribution.NORMAL)),
                Tuple.of(1, Arbitraries.of(Distribution.class))),
            Arbitraries.longs().between(0, 999))
        .as(
            (spec, dtype, shape, scale, params, distribution, seed) ->
                new Case(
                    spec,
                    dtype,
                    shape,
                    scale.orElse(1 / Math.sqrt(shape.headDim().qk())),
                    declared(spec, params),
                    distribution,
                    seed))
        .filter(Case::representable);
  }

  /** Small problems: empty sequences, single rows, tile edges; groups; Dqk other than Dv. */
  public static Arbitrary<Shape> shapes() {
    Arbitrary<Integer> sequences =
        Arbitraries.frequencyOf(
            Tuple.of(1, Arbitraries.of(0, 1)),
            Tuple.of(4, Arbitraries.of(15, 16, 17, 31, 32, 33, 47, 48, 49, 63, 64, 65)),
            Tuple.of(3, Arbitraries.integers().between(2, 80)));
    Arbitrary<Integer> widths = Arbitraries.of(8, 16, 24, 40, 64);
    return Combinators.combine(
            Arbitraries.integers().between(1, 2),
            Arbitraries.integers().between(1, 3),
            Arbitraries.integers().between(1, 2),
            sequences,
            sequences,
            widths,
            widths)
        .as(
            (batch, group, kvHeads, seq, kvSeq, qk, v) ->
                new Shape(batch, group * kvHeads, kvHeads, seq, kvSeq, new HeadDim(qk, v)));
  }

  /**
   * Softmax attentions: score, mask, perhaps a sink, perhaps the largest score asked for. A fast
   * softcap stands outermost, where the relative error of its tanh is that of the score.
   */
  public static Arbitrary<AttentionSpec> softmax() {
    return Combinators.combine(
            scores(),
            Arbitraries.of(CAP, of(5.0)).optional(0.15),
            masks(),
            sinks().optional(0.3),
            Arbitraries.of(true, false, false))
        .as(
            (score, fastCap, mask, sink, largest) ->
                spec(
                    fastCap.map(cap -> softcap(UnaryOp.FAST_TANH, score, cap)).orElse(score),
                    mask,
                    new Normalization.Softmax(sink.map(s -> new Clause(s, ORIGIN))),
                    largest ? Set.of(Output.LSE, Output.MAX_SCORE) : Set.of(Output.LSE)));
  }

  /** Attentions without normalisation. */
  public static Arbitrary<AttentionSpec> weights() {
    Arbitrary<Expr> weights =
        Combinators.combine(scores(), Arbitraries.integers().between(0, 3))
            .as(
                (s, form) ->
                    switch (form) {
                      case 0 -> s;
                      case 1 -> max(s, of(0.0));
                      case 2 ->
                          divide(
                              of(1.0),
                              add(
                                  of(1.0),
                                  new Expr.Unary(UnaryOp.EXP, new Expr.Unary(UnaryOp.NEG, s))));
                      default -> mul(s, s);
                    });
    return Combinators.combine(weights, masks())
        .as(
            (weight, mask) ->
                spec(SCALED, mask, new Normalization.Weight(new Clause(weight, ORIGIN)), Set.of()));
  }

  /** Masks: {@code true}, or comparisons and tensors joined by and, or, not, if. */
  public static Arbitrary<Expr> masks() {
    return Arbitraries.frequencyOf(
        Tuple.of(1, Arbitraries.just(of(true))),
        Tuple.of(
            8,
            Arbitraries.recursive(
                SpecGenerator::conditions,
                inner ->
                    Combinators.combine(inner, conditions(), Arbitraries.integers().between(0, 5))
                        .as(
                            (a, b, form) ->
                                switch (form) {
                                  case 0, 1, 2 -> and(a, b);
                                  case 3 -> or(a, b);
                                  case 4 -> and(not(a), b);
                                  default -> new Expr.Select(FLAG, a, b);
                                }),
                0,
                3)));
  }

  /** Conditions on one element, without and, or, not. */
  public static Arbitrary<Expr> conditions() {
    Arbitrary<CompareOp> orders =
        Arbitraries.of(CompareOp.LE, CompareOp.LT, CompareOp.GE, CompareOp.GT);
    Arbitrary<CompareOp> all = Arbitraries.of(CompareOp.class);
    Arbitrary<Long> offsets = Arbitraries.longs().between(-20, 40);
    Arbitrary<Long> divisors = Arbitraries.longs().between(2, 20);
    Arbitrary<Expr> affine =
        Combinators.combine(
                orders,
                Arbitraries.longs().between(-2, 3),
                Arbitraries.longs().between(-2, 3),
                offsets)
            .filter((op, x, y, c) -> x != 0 || y != 0)
            .as(
                (op, x, y, c) ->
                    compare(
                        op, add(mul(of(x), Q), mul(of(y), KV)), add(of(c), mul(of(x + y), SHIFT))));
    return Arbitraries.frequencyOf(
        Tuple.of(4, Arbitraries.just(compare(CompareOp.LE, KV, Q))),
        Tuple.of(
            3, Combinators.combine(orders, offsets).as((op, c) -> compare(op, KV, add(Q, of(c))))),
        Tuple.of(2, orders.map(op -> compare(op, sub(Q, KV), WINDOW))),
        Tuple.of(1, Arbitraries.just(compare(CompareOp.LE, KV, add(Q, sub(SKV, SQ))))),
        Tuple.of(2, Combinators.combine(orders, offsets).as((op, c) -> compare(op, KV, of(c)))),
        Tuple.of(1, Combinators.combine(orders, offsets).as((op, c) -> compare(op, Q, of(c)))),
        Tuple.of(1, orders.map(op -> compare(op, KV, add(SHIFT, WINDOW)))),
        Tuple.of(1, affine),
        Tuple.of(
            2,
            Combinators.combine(all, divisors, Arbitraries.of(KV, Q, sub(Q, KV), add(Q, KV)))
                .as((op, n, x) -> compare(op, int2(BinaryOp.FLOOR_MOD, x, of(n)), of(n / 2)))),
        Tuple.of(
            2,
            Combinators.combine(all, divisors)
                .as(
                    (op, n) ->
                        compare(
                            op,
                            int2(BinaryOp.FLOOR_DIV, Q, of(n)),
                            int2(BinaryOp.FLOOR_DIV, KV, of(n))))),
        Tuple.of(1, orders.map(op -> compare(op, new Expr.Unary(UnaryOp.ABS, sub(Q, KV)), WINDOW))),
        Tuple.of(2, all.map(op -> compare(op, ints("doc", Q), ints("doc", KV)))),
        Tuple.of(1, all.map(op -> compare(op, ints("docs", B, Q), ints("docs", B, KV)))),
        Tuple.of(1, all.map(op -> compare(op, ints("kinds", KV), of(1L)))),
        Tuple.of(1, orders.map(op -> compare(op, KV, ints("lengths", B)))),
        Tuple.of(1, Arbitraries.just(bools("keep", KV))),
        Tuple.of(1, Arbitraries.just(bools("live", B, Q, KV))),
        Tuple.of(1, Arbitraries.just(bools("global", H))),
        Tuple.of(
            1, all.map(op -> compare(op, int2(BinaryOp.FLOOR_MOD, add(H, B), of(2L)), of(0L)))),
        Tuple.of(1, Arbitraries.just(FLAG)),
        Tuple.of(1, orders.map(op -> compare(op, mul(real(sub(KV, Q)), SLOPE), of(1.5)))),
        Tuple.of(
            1,
            Arbitraries.just(
                compare(
                    CompareOp.EQ,
                    int2(BinaryOp.BIT_AND, int2(BinaryOp.BIT_XOR, Q, KV), of(3L)),
                    of(0L)))),
        Tuple.of(
            1,
            divisors.map(
                n -> {
                  Expr.Var i = new Expr.Var(0);
                  return new Expr.Reduce(
                      ReduceOp.ANY, i, 0, 3, compare(CompareOp.EQ, KV, sub(Q, mul(i, of(n)))));
                })));
  }

  /** Scores: the scaled product, transformed a few times. */
  public static Arbitrary<Expr> scores() {
    return Arbitraries.recursive(
        () ->
            Arbitraries.of(
                SCALED,
                mul(new Expr.Scale(), new Expr.Score()),
                divide(new Expr.Score(), of(4.0)),
                mul(SCALED, of(0.5))),
        inner ->
            Combinators.combine(
                    inner, biases(), conditions(), Arbitraries.integers().between(0, 11))
                .as(
                    (s, bias, condition, form) ->
                        switch (form) {
                          case 0, 1, 2 -> add(s, bias);
                          case 3 -> sub(bias, s);
                          case 4 -> softcap(UnaryOp.TANH, s, CAP);
                          case 5 -> softcap(UnaryOp.TANH, s, of(5.0));
                          case 6 -> new Expr.Select(condition, s, sub(s, of(1.0)));
                          case 7 -> mul(s, new Expr.Select(condition, of(1.0), of(0.5)));
                          case 8 -> max(s, of(-2.0));
                          case 9 -> min(s, bias);
                          case 10 -> new Expr.Unary(UnaryOp.SQRT, new Expr.Unary(UnaryOp.ABS, s));
                          default -> new Expr.Select(condition, bias, s);
                        }),
        0,
        3);
  }

  /** Floats that do not depend on the score: biases by row, key, pair, head, distance. */
  public static Arbitrary<Expr> biases() {
    Expr distance = min(max(sub(Q, KV), of(-REACH)), of(REACH));
    Expr.Var i = new Expr.Var(0);
    return Arbitraries.of(
        of(0.5),
        SLOPE,
        mul(floats("slopes", H), real(sub(KV, Q))),
        mul(SLOPE, real(new Expr.Unary(UnaryOp.NEG, new Expr.Unary(UnaryOp.ABS, sub(Q, KV))))),
        floats("by_row", B, Q),
        floats("by_key", HKV, KV),
        floats("by_pair", Q, KV),
        floats("relative", H, add(distance, of(REACH))),
        new Expr.Unary(UnaryOp.SIN, real(sub(Q, KV))),
        new Expr.Unary(UnaryOp.EXP, new Expr.Unary(UnaryOp.NEG, floats("by_key", HKV, KV))),
        new Expr.Reduce(ReduceOp.SUM, i, 0, 3, floats("by_row", B, sub(Q, i))));
  }

  private static Arbitrary<Expr> sinks() {
    return Arbitraries.of(
        floats("sinks", H),
        of(0.0),
        SLOPE,
        floats("by_row", B, Q),
        new Expr.Select(
            compare(CompareOp.EQ, int2(BinaryOp.FLOOR_MOD, Q, of(2L)), of(0L)), of(1.0), of(-1.0)));
  }

  private static Arbitrary<Map<String, Double>> params() {
    return Combinators.combine(
            Arbitraries.integers().between(1, 40),
            Arbitraries.integers().between(-20, 60),
            Arbitraries.integers().between(4, 400),
            Arbitraries.integers().between(-12, 16),
            Arbitraries.of(true, false))
        .as(
            (window, shift, cap, slope, flag) ->
                Map.of(
                    "window",
                    (double) window,
                    "shift",
                    (double) shift,
                    "cap",
                    cap / 8.0, // Exact in binary32.
                    "slope",
                    slope / 8.0,
                    "flag",
                    flag ? 1.0 : 0.0));
  }

  private static Map<String, Double> declared(AttentionSpec spec, Map<String, Double> all) {
    Map<String, Double> values = new TreeMap<>(all);
    values.keySet().removeIf(name -> spec.param(name).isEmpty());
    return values;
  }

  /** The spec of these clauses, with the params and tensors that they name. */
  private static AttentionSpec spec(
      Expr score, Expr mask, Normalization normalization, Set<Output> outputs) {
    AtomicInteger next = new AtomicInteger();
    Expr freshScore = fresh(score, next);
    Expr freshMask = fresh(mask, next);
    Normalization freshNormalization =
        switch (normalization) {
          case Normalization.Softmax(Optional<Clause> sink) ->
              new Normalization.Softmax(
                  sink.map(c -> new Clause(fresh(c.expr(), next), c.origin())));
          case Normalization.Weight(Clause weight) ->
              new Normalization.Weight(new Clause(fresh(weight.expr(), next), weight.origin()));
        };
    List<Expr> clauses =
        switch (freshNormalization) {
          case Normalization.Softmax(Optional<Clause> sink) ->
              sink.map(c -> List.of(freshScore, freshMask, c.expr()))
                  .orElse(List.of(freshScore, freshMask));
          case Normalization.Weight(Clause weight) -> List.of(weight.expr(), freshMask);
        };
    return new AttentionSpec(
        "random",
        ORIGIN,
        PARAMS.stream().filter(p -> uses(clauses, new Expr.Param(p.name(), p.type()))).toList(),
        TENSORS.stream()
            .filter(
                t ->
                    clauses.stream()
                        .anyMatch(
                            c ->
                                Exprs.uses(
                                    c,
                                    e ->
                                        e instanceof Expr.Gather g && g.tensor().equals(t.name()))))
            .toList(),
        new Clause(freshScore, ORIGIN),
        new Clause(freshMask, ORIGIN),
        freshNormalization,
        outputs,
        Optional.empty(),
        Optional.empty(),
        List.of());
  }

  private static boolean uses(List<Expr> clauses, Expr wanted) {
    return clauses.stream().anyMatch(c -> Exprs.uses(c, wanted::equals));
  }

  /** Gives every reduction a variable of its own. */
  private static Expr fresh(Expr e, AtomicInteger next) {
    Expr inner = Exprs.mapChildren(e, child -> fresh(child, next));
    if (!(inner instanceof Expr.Reduce r)) {
      return inner;
    }
    Expr.Var variable = new Expr.Var(next.getAndIncrement());
    return new Expr.Reduce(
        r.op(),
        variable,
        r.from(),
        r.to(),
        Exprs.substitute(r.body(), Map.of(r.variable(), variable)));
  }

  private static ParamDecl param(
      Expr name, Expr defaultValue, Optional<Expr> condition, double low) {
    Expr.Param p = (Expr.Param) name;
    double high =
        switch (p.type()) {
          case INT -> ParamDecl.INT_LIMIT;
          case FLOAT -> Double.POSITIVE_INFINITY;
          case BOOL -> 1;
        };
    return new ParamDecl(
        p.name(),
        p.type(),
        defaultValue,
        condition.map(c -> new Clause(c, ORIGIN)),
        new ParamDecl.Range(low, high),
        ORIGIN);
  }

  private static TensorDecl tensor(
      String name, ScalarType type, boolean nondecreasing, double low, double high, Expr... shape) {
    return new TensorDecl(
        name,
        type,
        List.of(shape),
        nondecreasing,
        type == ScalarType.BOOL ? Optional.empty() : Optional.of(new ParamDecl.Range(low, high)),
        false,
        ORIGIN);
  }

  private static Expr ints(String tensor, Expr... indices) {
    return new Expr.Gather(tensor, ScalarType.INT, List.of(indices));
  }

  private static Expr floats(String tensor, Expr... indices) {
    return new Expr.Gather(tensor, ScalarType.FLOAT, List.of(indices));
  }

  private static Expr bools(String tensor, Expr... indices) {
    return new Expr.Gather(tensor, ScalarType.BOOL, List.of(indices));
  }

  private static Expr compare(CompareOp op, Expr a, Expr b) {
    return new Expr.Compare(op, a, b);
  }

  private static Expr int2(BinaryOp op, Expr a, Expr b) {
    return new Expr.Binary(op, a, b);
  }

  private static Expr softcap(UnaryOp tanh, Expr score, Expr cap) {
    return mul(cap, new Expr.Unary(tanh, divide(score, cap)));
  }

  private static Expr divide(Expr a, Expr b) {
    return new Expr.Binary(BinaryOp.DIV, a, b);
  }

  private static Expr real(Expr e) {
    return new Expr.Unary(UnaryOp.TO_FLOAT, e);
  }
}
