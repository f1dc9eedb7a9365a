package dev.attune.compiler.analysis;

import dev.attune.compiler.spec.BinaryOp;
import dev.attune.compiler.spec.Bindings;
import dev.attune.compiler.spec.CompareOp;
import dev.attune.compiler.spec.Eval;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.NdArray;
import dev.attune.compiler.spec.Position;
import dev.attune.compiler.spec.ScalarType;
import dev.attune.compiler.spec.UnaryOp;
import java.util.BitSet;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;

/** Which pairs of a problem a mask admits, each computed by itself, for one batch and head. */
record Truths(int rows, int cols, BitSet live) {

  /** The value of an int expression, or of a bool one as 0 or 1. */
  private interface At {
    long of(int q, int kv);
  }

  /** One batch and head of a launch. */
  private record Place(Bindings bindings, int b, int h) {}

  /** Evaluates the mask at every pair. */
  static Truths of(Expr mask, Bindings bindings, int b, int h) {
    int rows = bindings.shape().seq();
    int cols = bindings.shape().kvSeq();
    At compiled = compile(mask, new Place(bindings, b, h));
    BitSet live = new BitSet(rows * cols);
    for (int q = 0; q < rows; q++) {
      for (int kv = 0; kv < cols; kv++) {
        if (compiled.of(q, kv) != 0) {
          live.set(q * cols + kv);
        }
      }
    }
    return new Truths(rows, cols, live);
  }

  /** How many pairs of the tile are live. */
  int live(int q, int lastQ, int kv, int lastKv) {
    int count = 0;
    for (int i = q; i <= lastQ; i++) {
      int end = i * cols + lastKv + 1;
      for (int j = live.nextSetBit(i * cols + kv); j >= 0 && j < end; j = live.nextSetBit(j)) {
        int clear = Math.min(end, live.nextClearBit(j));
        count += clear - j;
        j = clear;
      }
    }
    return count;
  }

  /** How many pairs of each key are live with the rows from one to another. */
  int[] ofKeys(int q, int lastQ) {
    int[] counts = new int[cols];
    int end = (lastQ + 1) * cols;
    for (int i = live.nextSetBit(q * cols); i >= 0 && i < end; i = live.nextSetBit(i + 1)) {
      counts[i % cols]++;
    }
    return counts;
  }

  /** How many pairs of each row are live with the keys from one to another. */
  int[] ofRows(int kv, int lastKv) {
    return IntStream.range(0, rows).map(q -> live(q, q, kv, lastKv)).toArray();
  }

  /** Closures in place of {@link Eval}, which interprets: the values are its own. */
  private static At compile(Expr e, Place in) {
    boolean varies =
        Exprs.uses(
            e,
            n ->
                (n instanceof Expr.At(Position p) && (p == Position.Q || p == Position.KV))
                    || n instanceof Expr.Var);
    if (!varies && e.type() != ScalarType.FLOAT) {
      long value = general(e, in, 0, 0);
      return (q, kv) -> value;
    }
    return switch (e) {
      case Expr.At(Position p) -> p == Position.Q ? (q, kv) -> q : (q, kv) -> kv;
      case Expr.Unary(UnaryOp op, Expr x) when op == UnaryOp.NOT -> {
        At inner = compile(x, in);
        yield (q, kv) -> 1 - inner.of(q, kv);
      }
      case Expr.Binary(BinaryOp op, Expr a, Expr b) -> {
        At x = compile(a, in);
        At y = compile(b, in);
        yield switch (op) {
          case AND -> (q, kv) -> x.of(q, kv) != 0 ? y.of(q, kv) : 0;
          case OR -> (q, kv) -> x.of(q, kv) != 0 ? 1 : y.of(q, kv);
          case ADD -> (q, kv) -> x.of(q, kv) + y.of(q, kv);
          case SUB -> (q, kv) -> x.of(q, kv) - y.of(q, kv);
          default -> (q, kv) -> Eval.binary(op, x.of(q, kv), y.of(q, kv));
        };
      }
      case Expr.Compare(CompareOp op, Expr a, Expr b) when a.type() != ScalarType.FLOAT -> {
        At x = compile(a, in);
        At y = compile(b, in);
        yield (q, kv) -> Eval.compare(op, Long.compare(x.of(q, kv), y.of(q, kv))) ? 1 : 0;
      }
      case Expr.Select(Expr c, Expr a, Expr b) when e.type() != ScalarType.FLOAT -> {
        At condition = compile(c, in);
        At x = compile(a, in);
        At y = compile(b, in);
        yield (q, kv) -> condition.of(q, kv) != 0 ? x.of(q, kv) : y.of(q, kv);
      }
      case Expr.Gather g -> gather(g, in);
      default -> (q, kv) -> general(e, in, q, kv);
    };
  }

  private static At gather(Expr.Gather g, Place in) {
    NdArray tensor = Objects.requireNonNull(in.bindings.tensors().get(g.tensor()));
    int[] shape = tensor.shape();
    List<At> indices = g.indices().stream().map(i -> compile(i, in)).toList();
    return (q, kv) -> {
      long linear = 0;
      for (int d = 0; d < shape.length; d++) {
        linear = linear * shape[d] + Math.clamp(indices.get(d).of(q, kv), 0, shape[d] - 1);
      }
      return (long) tensor.number((int) linear);
    };
  }

  private static long general(Expr e, Place in, int q, int kv) {
    Eval eval = new Eval(in.bindings).at(in.b, in.h, q, kv);
    return e.type() == ScalarType.INT ? eval.integer(e) : eval.bool(e) ? 1 : 0;
  }
}
