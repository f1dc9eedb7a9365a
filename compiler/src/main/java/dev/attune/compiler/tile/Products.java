package dev.attune.compiler.tile;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.function.Supplier;

/**
 * The issued products of one running role. A product reads its operands when it is issued or when
 * it is awaited, as the seed has it, so that an operand overwritten meanwhile shows.
 */
final class Products {
  private record Product(Value out, Supplier<Data> result) {}

  private final Values values;
  private final TileMath math;
  private final SplittableRandom random;
  private final Deque<Product> unfinished = new ArrayDeque<>();

  Products(Values values, TileMath math, SplittableRandom random) {
    this.values = values;
    this.math = math;
    this.random = random;
  }

  void issue(Op.Dot dot) {
    Data.Matrix a = values.matrix(dot.a());
    Data.Matrix b = values.matrix(dot.b());
    Optional<Data.Matrix> accumulate = dot.accumulate().map(values::matrix);
    Supplier<Data> result = () -> math.dot(a, b, dot.transposeB(), accumulate);
    if (random.nextBoolean()) {
      Data early = result.get();
      result = () -> early;
    }
    unfinished.addLast(new Product(dot.out(), result));
    values.put(dot.out(), new Data.Unfinished());
  }

  void await(int pending) {
    while (unfinished.size() > pending) {
      Product product = unfinished.removeFirst();
      values.put(product.out(), product.result().get());
    }
  }

  /** All have been awaited. */
  void requireNone(String role) {
    if (!unfinished.isEmpty()) {
      throw new InvalidTileKernelException(role, unfinished.getFirst().out() + " is never awaited");
    }
  }
}
