package dev.attune.compiler.schedule;

/**
 * How one kernel is arranged. Plain data, chosen by a family's rules, and never changing results
 * beyond the rounding that tile sizes imply.
 *
 * @param rows query rows of a CTA
 * @param cols keys of a kv tile
 * @param warps warps of a CTA; each owns rows/warps query rows, a multiple of 16
 * @param stages tiles of K, and of V, in shared memory at a time
 * @param queryInRegisters Q is read from shared memory once instead of at every tile
 * @param blocksPerSm CTAs meant to be resident on one SM
 * @param lazyThreshold a row maximum is taken over when it grew by more than this in the exp2
 *     domain; 0: always
 * @param why the rule that chose it, for a reader
 */
public record Schedule(
    int rows,
    int cols,
    int warps,
    int stages,
    boolean queryInRegisters,
    int blocksPerSm,
    int lazyThreshold,
    String why) {

  public Schedule {
    if (rows % (16 * warps) != 0 || cols % 16 != 0 || stages < 1 || lazyThreshold < 0) {
      throw new IllegalArgumentException(
          "rows must be a multiple of 16 per warp and cols of 16: " + rows + " x " + cols);
    }
  }

  /** Threads of a CTA. */
  public int threads() {
    return 32 * warps;
  }

  /** Query rows of a warp. */
  public int rowsPerWarp() {
    return rows / warps;
  }

  /** The schedule on one line. */
  public String print() {
    return "tiles %d x %d, %d warps of %d rows, %d stage%s, Q in %s, %d CTA%s per SM, rescale %s (%s)"
        .formatted(
            rows,
            cols,
            warps,
            rowsPerWarp(),
            stages,
            stages == 1 ? "" : "s",
            queryInRegisters ? "registers" : "shared memory",
            blocksPerSm,
            blocksPerSm == 1 ? "" : "s",
            lazyThreshold == 0 ? "always" : "beyond 2^" + lazyThreshold,
            why);
  }
}
