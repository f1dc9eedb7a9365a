package dev.attune.compiler.tile;

import java.util.ArrayDeque;
import java.util.Deque;

/** Follows the issued products of a role: nothing touches what they read and write. */
final class FlightRules {
  private final Deque<Op.Dot> unfinished = new ArrayDeque<>();

  void issue(Op.Issue op) {
    unfinished.addLast(op.dot());
  }

  void await(Op.Await op) {
    require(op, op.pending() >= 0, "fewer than no products");
    while (unfinished.size() > op.pending()) {
      unfinished.removeFirst();
    }
  }

  /** Neither a result nor what a product adds to can be read before it is finished. */
  void requireReadable(Op op, Value value) {
    for (Op.Dot dot : unfinished) {
      require(op, !dot.out().equals(value), value + " is read before it has been awaited");
      require(
          op,
          dot.accumulate().filter(value::equals).isEmpty(),
          "%s is read while a product adds to it".formatted(value));
    }
  }

  /** A buffer is to be given away. */
  void requireUnread(Op op, Value buffer) {
    for (Op.Dot dot : unfinished) {
      require(
          op,
          !dot.a().equals(buffer) && !dot.b().equals(buffer),
          "%s is still read by the product %s".formatted(buffer, dot.out()));
    }
  }

  /** Where a loop begins or ends an iteration, and at the end of an item. */
  void requireNone(String where) {
    if (!unfinished.isEmpty()) {
      throw new InvalidTileKernelException(
          where, "the product %s is not awaited before".formatted(unfinished.getFirst().out()));
    }
  }

  private static void require(Op op, boolean holds, String rule) {
    InvalidTileKernelException.require(op, holds, rule);
  }
}
