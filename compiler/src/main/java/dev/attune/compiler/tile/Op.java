package dev.attune.compiler.tile;

import dev.attune.compiler.spec.Clause;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Operand;
import java.util.List;
import java.util.Optional;

/**
 * The operations of the tile IR. {@code out} and its like name the values an operation defines.
 *
 * <p>Row statistics live in the exp2 domain: a maximum m is a score in natural units times log₂e,
 * and −∞ for a row that has seen no live key. The weight of a score is exp2(score·log₂e − m), with
 * 0 in place of an infinite m, so that a row of −∞ scores has weights 0 and never NaN.
 *
 * <p>Rows of Q at or past Sq, and rows of K and V at or past Skv, load as zeros. What an operation
 * computes for a query row at or past Sq is never stored.
 */
public sealed interface Op {

  /** A scalar: {@code expr} over sizes, params, b, h, and the variables of {@link TileKernel}. */
  record Scalar(Value out, Expr expr) implements Op {}

  /**
   * Rows [index·n, index·n + n) of Q, K or V for this CTA's batch element and head, n the tile's
   * rows.
   */
  record Load(Value out, Operand operand, Value index) implements Op {}

  /**
   * Starts loading tile {@code index + ahead} into the channel, unless there is an {@code end} and
   * that is at or past it.
   */
  record Put(Channel channel, Value index, int ahead, Optional<Value> end) implements Op {}

  /** The oldest tile of the channel not yet got; waits until it has arrived. */
  record Get(Value out, Channel channel) implements Op {}

  /** Hands the oldest tile not yet released back to the channel: nobody reads it any more. */
  record Release(Channel channel) implements Op {}

  /** Every element {@code value}. */
  record Fill(Value out, double value) implements Op {}

  /**
   * {@code a·b} or {@code a·bᵀ}, plus {@code accumulate}: products of 16-bit elements are exact,
   * sums are f32.
   */
  record Dot(Value out, Value a, Value b, boolean transposeB, Optional<Value> accumulate)
      implements Op {}

  /**
   * A scalar expression at every element of a tile of scores; {@link Expr.Score} is the element of
   * {@code in}, q and kv its positions, {@code index} the kv tile.
   */
  record Map(Value out, Value in, Clause expr, Value index) implements Op {}

  /** {@code in} where kv is less than Skv and the predicate holds, {@code otherwise} elsewhere. */
  record Mask(Value out, Value in, Clause predicate, double otherwise, Value index) implements Op {}

  /**
   * max({@code floor}, {@code factor} · largest element of the row); factor is uniform and
   * positive.
   */
  record RowMax(Value out, Value in, Expr factor, Value floor) implements Op {}

  /**
   * What a larger maximum does to the statistics of a row. With {@link Rule.Always}: m = {@code
   * newMax}; with {@link Rule.Lazy}: m = {@code oldMax} unless {@code newMax} exceeds it by more
   * than the threshold. Then alpha = exp2(oldMax − m), sumOut = sum · alpha. Alpha is 1 where both
   * are −∞.
   */
  record Rescale(
      Value max, Value sumOut, Value alpha, Value oldMax, Value newMax, Value sum, Rule rule)
      implements Op {}

  /** Each row of the tile times the row's value. Rows times exactly 1 need no work. */
  record ScaleRows(Value out, Value in, Value row) implements Op {}

  /**
   * exp2({@code factor}·in − max).
   *
   * @param guarded a row's max may be −∞ here
   */
  record Exp2(Value out, Value in, Expr factor, Value max, boolean guarded) implements Op {}

  /** {@code initial} plus the sum of each row. A partial {@code out} leaves lanes unsummed. */
  record RowSum(Value out, Value in, Value initial) implements Op {}

  /** A partial row, summed over its lanes. */
  record ReduceRow(Value out, Value in) implements Op {}

  /** The tile rounded to the kernel's dtype, to nearest even. */
  record Cast(Value out, Value in) implements Op {}

  /**
   * One more logit per row that has no value vector: M = max(max, s·log₂e), alpha = exp2(max − M),
   * sumOut = sum·alpha + exp2(s·log₂e − M), with s = {@code sink} in natural units, over b, h and
   * q.
   */
  record Sink(Value maxOut, Value sumOut, Value alpha, Value max, Value sum, Clause sink)
      implements Op {}

  /** Each row divided by its sum; 0 where the sum is 0. */
  record Normalize(Value out, Value in, Value sum) implements Op {}

  /** (max + log₂ sum) · ln 2; −∞ where the sum is 0. */
  record LogSumExp(Value out, Value max, Value sum) implements Op {}

  /** {@code in} · ln 2: a maximum in natural units. */
  record NaturalUnits(Value out, Value in) implements Op {}

  /** Writes the rows of this CTA's query tile that are before Sq. */
  record Store(Operand operand, Value in) implements Op {}

  /** Writes one float for each row of this CTA's query tile that is before Sq. */
  record StoreRow(Operand operand, Value in) implements Op {}

  /**
   * A loop over the kv tiles [from, to), ascending. {@code carried} start as their inits and are
   * then what {@code body} last yielded; the results are their values at the end.
   *
   * @param index defined by the loop: the tile
   */
  record For(
      Phase phase,
      Value index,
      Value from,
      Value to,
      List<Carried> carried,
      List<Op> body,
      List<Value> yields)
      implements Op {
    public For {
      carried = List.copyOf(carried);
      body = List.copyOf(body);
      yields = List.copyOf(yields);
      if (carried.size() != yields.size()) {
        throw new IllegalArgumentException(
            carried.size() + " carried values, " + yields.size() + " yields");
      }
    }
  }

  /** A loop-carried value: inside the body {@code param}, after the loop {@code result}. */
  record Carried(Value param, Value init, Value result) {}

  /** What is known of the tiles of a loop. */
  enum Phase {
    /** Nothing: every element is masked. */
    MASKED,
    /** Every pair of a tile is live: no mask. */
    BULK
  }

  /** When a grown maximum is taken over. */
  sealed interface Rule {
    record Always() implements Rule {}

    /**
     * Only when it grew by more than {@code threshold} in the exp2 domain. Weights then reach
     * 2^threshold.
     */
    record Lazy(int threshold) implements Rule {}
  }
}
