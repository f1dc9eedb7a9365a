package dev.attune.runtime.vectors;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Locale;
import java.util.stream.IntStream;

/**
 * How far an approximation is from the function, over some arguments.
 *
 * @param ulps the largest error in units of the last place of the exact value
 * @param relative the largest relative error
 * @param absolute the largest absolute error
 * @param seen arguments looked at
 * @param beyond of them, those with a larger error than is stated
 * @param wrong of them, those where an infinity or NaN is on one side only
 * @param example the first argument of the last two kinds, as bits; zero if there is none
 */
record Errors(
    Largest ulps,
    Largest relative,
    Largest absolute,
    long seen,
    long beyond,
    long wrong,
    int example) {
  private static final int BLOCK = 1 << 14;

  static final Errors NONE = new Errors(Largest.NONE, Largest.NONE, Largest.NONE, 0, 0, 0, 0);

  /**
   * An error and where it is.
   *
   * @param argument bits
   */
  record Largest(double size, int argument) {
    private static final Largest NONE = new Largest(0, 0);

    private Largest max(Largest other) {
      return other.size > size ? other : this;
    }

    private String text(String unit) {
      return String.format(
          Locale.ROOT,
          "%.4g %s at %08x (%s)",
          size,
          unit,
          argument,
          Float.intBitsToFloat(argument));
    }
  }

  /**
   * The errors of results for consecutive bit patterns.
   *
   * @param first the first argument
   * @param results binary32, little-endian
   */
  static Errors of(Approximation function, int first, byte[] results) {
    ByteBuffer words = ByteBuffer.wrap(results).order(ByteOrder.LITTLE_ENDIAN);
    int count = results.length / 4;
    return IntStream.range(0, Math.ceilDiv(count, BLOCK))
        .parallel()
        .mapToObj(
            block -> {
              int from = block * BLOCK;
              return of(function, first, words, from, Math.min(count, from + BLOCK));
            })
        .reduce(NONE, Errors::and);
  }

  private static Errors of(
      Approximation function, int first, ByteBuffer results, int from, int to) {
    Largest ulps = Largest.NONE;
    Largest relative = Largest.NONE;
    Largest absolute = Largest.NONE;
    long seen = 0;
    long beyond = 0;
    long wrong = 0;
    int example = 0;
    for (int i = from; i < to; i++) {
      int argument = first + i;
      float x = Float.intBitsToFloat(argument);
      if (!function.covers(x)) {
        continue;
      }
      seen++;
      float found = results.getFloat(4 * i);
      double exact = function.at(x);
      float nearest = (float) exact;
      boolean failed;
      if (Float.isFinite(nearest) && Float.isFinite(found)) {
        double error = function.error(exact, found);
        double size = Math.abs(exact);
        failed = error > function.relative() * size + function.absolute() + Float.MIN_VALUE;
        beyond += failed ? 1 : 0;
        double inUlps = error / Math.ulp(nearest);
        ulps = inUlps > ulps.size ? new Largest(inUlps, argument) : ulps;
        absolute = error > absolute.size ? new Largest(error, argument) : absolute;
        if (size >= Float.MIN_NORMAL && error > relative.size * size) {
          relative = new Largest(error / size, argument);
        }
      } else {
        failed = Float.compare(nearest, found) != 0;
        wrong += failed ? 1 : 0;
      }
      example = failed && beyond + wrong == 1 ? argument : example;
    }
    return new Errors(ulps, relative, absolute, seen, beyond, wrong, example);
  }

  /** These errors and those of later arguments. */
  Errors and(Errors later) {
    return new Errors(
        ulps.max(later.ulps),
        relative.max(later.relative),
        absolute.max(later.absolute),
        seen + later.seen,
        beyond + later.beyond,
        wrong + later.wrong,
        beyond + wrong == 0 ? later.example : example);
  }

  /** Whether no error is larger than is stated. */
  boolean asStated() {
    return beyond + wrong == 0;
  }

  @Override
  public String toString() {
    String found =
        "%d arguments, errors up to %s, %s, %s"
            .formatted(
                seen, ulps.text("ulp"), relative.text("relative"), absolute.text("absolute"));
    return asStated()
        ? found
        : found
            + "; %d beyond what is stated, %d wrong infinities or NaNs, first at %08x"
                .formatted(beyond, wrong, example);
  }
}
