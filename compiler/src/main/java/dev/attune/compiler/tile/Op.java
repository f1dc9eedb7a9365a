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
 * <p>Rows of Q at or past Sq or idle, and rows of K and V at or past Skv, load as zeros. What an
 * operation computes for a row at or past Sq, or an idle one, is never stored.
 */
public sealed interface Op {

  /** A scalar: {@code expr} over sizes, params, b, h, and the variables of {@link TileKernel}. */
  record Scalar(Value out, Expr expr) implements Op {}

  /**
   * Rows [j·n, j·n + n) of K or V for this item's batch element and head, with j = {@code index +
   * ahead} and n the tile's rows; of Q the rows of the item.
   */
  record Load(Value out, Operand operand, Value index, int ahead) implements Op {
    /** The rows of the tile itself. */
    public Load(Value out, Operand operand, Value index) {
      this(out, operand, index, 0);
    }
  }

  /**
   * Starts loading tile {@code index + ahead} into the channel, unless there is an {@code end} and
   * that is at or past it. A put into a channel from which {@link Items.Received} takes its items
   * hands over the item with the tile.
   */
  record Put(Channel channel, Value index, int ahead, Optional<Value> end) implements Op {}

  /**
   * The oldest tile of the channel that this copy of the role has not yet got; waits until it has
   * arrived. Of a tile of Q a copy gets its own rows.
   */
  record Get(Value out, Channel channel) implements Op {}

  /**
   * Hands the oldest tile not yet released back to the channel: this copy of the role reads it no
   * more. The buffer is free when every copy has released it.
   */
  record Release(Channel channel) implements Op {}

  /** A tile in registers: the buffer it was got from is not read any more. */
  record Copy(Value out, Value in) implements Op {}

  /** Every element {@code value}. */
  record Fill(Value out, double value) implements Op {}

  /**
   * {@code a·b} or {@code a·bᵀ}, plus {@code accumulate}: products of 16-bit elements are exact,
   * sums are f32.
   */
  record Dot(Value out, Value a, Value b, boolean transposeB, Optional<Value> accumulate)
      implements Op {}

  /**
   * Starts a product. Its result may be read, and what it reads may be overwritten, only once it
   * has been awaited. Products finish in the order in which they were issued.
   */
  record Issue(Dot dot) implements Op {}

  /** Waits until at most {@code pending} of the issued products are unfinished. */
  record Await(int pending) implements Op {}

  /**
   * A scalar expression at every element of a tile of scores; {@link Expr.Score} is the element of
   * {@code in}, q and kv its positions, {@code index} the kv tile.
   */
  record Map(Value out, Value in, Clause expr, Value index) implements Op {}

  /** {@code in} where kv is less than Skv and the predicate holds, {@code otherwise} elsewhere. */
  record Mask(Value out, Value in, Clause predicate, double otherwise, Value index) implements Op {}

  /**
   * {@code in} where kv is less than Skv, not before {@code first} and not after {@code last},
   * {@code otherwise} elsewhere. The bounds are ints over sizes, params, b, h and q: one pair of
   * limits for each row.
   */
  record Limit(
      Value out,
      Value in,
      Optional<Clause> first,
      Optional<Clause> last,
      double otherwise,
      Value index)
      implements Op {}

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

  /**
   * exp2({@code factor}·e − max), e what {@link Map} makes of an element: the weights of scores
   * whose rows' maxima were known before.
   */
  record Weigh(Value out, Value in, Clause expr, Expr factor, Value max, Value index)
      implements Op {}

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

  /** Writes the rows of this item that are before Sq and not idle. */
  record Store(Operand operand, Value in, Staging staging) implements Op {
    /** From registers to memory. */
    public Store(Operand operand, Value in) {
      this(operand, in, Staging.DIRECT);
    }
  }

  /** Writes one float for each row of this item that is before Sq and not idle. */
  record StoreRow(Operand operand, Value in) implements Op {}

  /**
   * Roles that run concurrently, each with values of its own. They meet only through channels: one
   * role puts, another gets.
   */
  record Roles(List<Role> roles) implements Op {
    public Roles {
      roles = List.copyOf(roles);
    }
  }

  /**
   * A loop over work items: batch element, head and query tile. Without one, a CTA has one item.
   */
  record ForItems(Items items, List<Op> body) implements Op {
    public ForItems {
      body = List.copyOf(body);
    }
  }

  /** Where a loop over {@link Items.Claimed} takes its next item from the counter. */
  record Claim() implements Op {}

  /**
   * A loop over the kv tiles [from, to) in a direction. {@code carried} start as their inits and
   * are then what {@code body} last yielded; the results are their values at the end.
   *
   * @param index defined by the loop: the tile
   */
  record For(
      Phase phase,
      Value index,
      Value from,
      Value to,
      Direction direction,
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

    /** An ascending loop. */
    public For(
        Phase phase,
        Value index,
        Value from,
        Value to,
        List<Carried> carried,
        List<Op> body,
        List<Value> yields) {
      this(phase, index, from, to, Direction.ASCENDING, carried, body, yields);
    }

    /** The same loop over other tiles. */
    public For between(Value newFrom, Value newTo) {
      return new For(phase, index, newFrom, newTo, direction, carried, body, yields);
    }

    /** The same loop with other carried values. */
    public For carrying(List<Carried> newCarried) {
      return new For(phase, index, from, to, direction, newCarried, body, yields);
    }

    /** The same loop in a direction. */
    public For towards(Direction newDirection) {
      return new For(phase, index, from, to, newDirection, carried, body, yields);
    }

    /** The same loop with another body. */
    public For withBody(List<Op> newBody) {
      return new For(phase, index, from, to, direction, carried, newBody, yields);
    }
  }

  /** A loop-carried value: inside the body {@code param}, after the loop {@code result}. */
  record Carried(Value param, Value init, Value result) {}

  /**
   * One role.
   *
   * @param copies how many of it run; copy w computes the rows [w·n, w·n + n) of the item, n the
   *     kernel's rows divided by copies
   */
  record Role(String name, int copies, List<Op> body) {
    public Role {
      body = List.copyOf(body);
      if (copies < 1) {
        throw new IllegalArgumentException(copies + " copies of role " + name);
      }
    }
  }

  /** Where work items come from. */
  sealed interface Items {
    /**
     * From a counter that all CTAs share: the first before the loop, each next one where the body
     * has its {@link Claim}. Query tiles come in the kernel's order; all tiles of a section of
     * heads come before the next section.
     *
     * @param sectionBytes K and V of the heads of a section take at most this, or are of one head
     */
    record Claimed(long sectionBytes) implements Items {}

    /** With the tiles of a channel, until its putting role has no more. */
    record Received(Channel channel) implements Items {}
  }

  /** The way from registers to memory. */
  enum Staging {
    /** None. */
    DIRECT,
    /** A buffer of its own: the store is still reading it when the next item begins. */
    OWN,
    /** The buffer of the query tile, which is released after the store has read it. */
    QUERY
  }

  /** The order of the tiles of a loop. */
  enum Direction {
    ASCENDING,
    DESCENDING
  }

  /** What is known of the tiles of a loop. */
  enum Phase {
    /** None of the role's rows has a live key: got and released, no more. */
    EMPTY,
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
