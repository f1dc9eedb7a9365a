package dev.attune.compiler.schedule;

/**
 * How one kernel is arranged. Plain data, chosen by a family's rules, and never changing results
 * beyond the rounding that tile sizes imply.
 */
public sealed interface Schedule {

  /** Rows of a work item. */
  int rows();

  /** Keys of a kv tile. */
  int cols();

  /** Tiles of K, and of V, in shared memory at a time. */
  int stages();

  /** Q is read from shared memory once instead of at every tile. */
  boolean queryInRegisters();

  /**
   * A row maximum is taken over when it grew by more than this in the exp2 domain; 0: always.
   * Anything up to 8 keeps the weights' precision in both dtypes.
   */
  int lazyThreshold();

  /** The rule that chose it, for a reader. */
  String why();

  /** Threads of a CTA. */
  int threads();

  /** The schedule on one line. */
  String print();

  /**
   * One role, products by {@code mma.sync}.
   *
   * @param warps warps of a CTA; each owns rows/warps query rows, a multiple of 16
   * @param blocksPerSm CTAs meant to be resident on one SM
   */
  record Ampere(
      int rows,
      int cols,
      int warps,
      int stages,
      boolean queryInRegisters,
      int blocksPerSm,
      int lazyThreshold,
      String why)
      implements Schedule {

    public Ampere {
      if (rows % (16 * warps) != 0 || cols % 16 != 0 || stages < 1 || lazyThreshold < 0) {
        throw new IllegalArgumentException(
            "rows must be a multiple of 16 per warp and cols of 16: " + rows + " x " + cols);
      }
    }

    @Override
    public int threads() {
      return 32 * warps;
    }

    /** Query rows of a warp. */
    public int rowsPerWarp() {
      return rows / warps;
    }

    @Override
    public String print() {
      return "tiles %d x %d, %d warps of %d rows, %s, Q in %s, %d CTA%s per SM, rescale %s (%s)"
          .formatted(
              rows,
              cols,
              warps,
              rowsPerWarp(),
              staged(stages),
              place(queryInRegisters),
              blocksPerSm,
              blocksPerSm == 1 ? "" : "s",
              rescale(lazyThreshold),
              why);
    }
  }

  /**
   * A producer warpgroup that loads and consumer warpgroups of 64 query rows each, products by
   * {@code wgmma}, overlapped with the softmax of the tile before; persistent CTAs that claim work
   * items.
   *
   * @param consumers consumer warpgroups, 1 to 4
   * @param output how O leaves
   * @param rescaleFirst the accumulator is rescaled while the next scores are computed, instead of
   *     right after the softmax: pays where O is wide
   * @param skipEmpty a consumer leaves out tiles that have no live key for its own rows
   * @param integerMax row maxima of full tiles compare float bits as integers
   * @param packed an item holds the rows of all query heads of a group: pays where a head alone has
   *     few
   */
  record Hopper(
      int cols,
      int consumers,
      int stages,
      boolean queryInRegisters,
      Output output,
      boolean rescaleFirst,
      boolean skipEmpty,
      boolean integerMax,
      boolean packed,
      int lazyThreshold,
      String why)
      implements Schedule {

    /** How O leaves. */
    public enum Output {
      /** Through a buffer of its own, overlapping the next item. */
      OWN,
      /** Through the buffer of Q. */
      QUERY,
      /** From registers, each row by itself. */
      DIRECT
    }

    public Hopper {
      if (cols % 16 != 0 || cols < 16 || cols > 256) {
        throw new IllegalArgumentException("cols must be a multiple of 16 up to 256: " + cols);
      }
      if (consumers < 1 || consumers > 4 || stages < 1 || lazyThreshold < 0) {
        throw new IllegalArgumentException(
            "expected 1 to 4 consumers and at least one stage: " + consumers + ", " + stages);
      }
      if (queryInRegisters && output == Output.QUERY) {
        throw new IllegalArgumentException(
            "Q in registers gives its buffer back at once: O cannot leave through it");
      }
      if (packed && output != Output.DIRECT) {
        throw new IllegalArgumentException(
            "neighbouring rows of a packed item are of several heads: O leaves from registers");
      }
    }

    /** A schedule whose items are of one query head. */
    public Hopper(
        int cols,
        int consumers,
        int stages,
        boolean queryInRegisters,
        Output output,
        boolean rescaleFirst,
        boolean skipEmpty,
        boolean integerMax,
        int lazyThreshold,
        String why) {
      this(
          cols,
          consumers,
          stages,
          queryInRegisters,
          output,
          rescaleFirst,
          skipEmpty,
          integerMax,
          false,
          lazyThreshold,
          why);
    }

    /** The same schedule for another reason. */
    public Hopper because(String reason) {
      return tiles(cols, consumers, reason);
    }

    /** The same schedule with other tiles, and why. */
    public Hopper tiles(int otherCols, int otherConsumers, String reason) {
      return new Hopper(
          otherCols,
          otherConsumers,
          stages,
          queryInRegisters,
          output,
          rescaleFirst,
          skipEmpty,
          integerMax,
          packed,
          lazyThreshold,
          reason);
    }

    /** The same schedule with Q in shared memory. */
    public Hopper queryInShared() {
      return new Hopper(
          cols,
          consumers,
          stages,
          false,
          output,
          rescaleFirst,
          skipEmpty,
          integerMax,
          packed,
          lazyThreshold,
          why);
    }

    /** The same schedule with the rows of all query heads of a group in an item. */
    public Hopper pack() {
      return new Hopper(
          cols,
          consumers,
          stages,
          queryInRegisters,
          Output.DIRECT,
          rescaleFirst,
          skipEmpty,
          integerMax,
          true,
          lazyThreshold,
          why);
    }

    @Override
    public int rows() {
      return 64 * consumers;
    }

    @Override
    public int threads() {
      return 128 * (consumers + 1);
    }

    @Override
    public String print() {
      return "tiles %d x %d%s, %d consumer%s, %s, Q in %s, O %s, rescale %s%s%s%s (%s)"
          .formatted(
              rows(),
              cols,
              packed ? " of packed heads" : "",
              consumers,
              consumers == 1 ? "" : "s",
              staged(stages),
              place(queryInRegisters),
              switch (output) {
                case OWN -> "through its own buffer";
                case QUERY -> "through Q's buffer";
                case DIRECT -> "from registers";
              },
              rescale(lazyThreshold),
              rescaleFirst ? " before the product" : "",
              skipEmpty ? ", empty tiles skipped" : "",
              integerMax ? ", integer max" : "",
              why);
    }
  }

  private static String staged(int stages) {
    return stages == 1 ? "1 stage" : stages + " stages";
  }

  private static String place(boolean registers) {
    return registers ? "registers" : "shared memory";
  }

  private static String rescale(int threshold) {
    return threshold == 0 ? "always" : "beyond 2^" + threshold;
  }
}
