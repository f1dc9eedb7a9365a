package dev.attune.compiler.tile;

/** The type of a tile-IR value. */
public sealed interface Type {

  /**
   * A matrix.
   *
   * @param element {@link Element#F32} for accumulators and scores, {@link Element#HALF} for
   *     operands of a product
   */
  record Tile(int rows, int cols, Element element) implements Type {
    public Tile {
      if (rows < 1 || cols < 1) {
        throw new IllegalArgumentException("a tile of " + rows + " x " + cols);
      }
    }

    @Override
    public String toString() {
      return "Tile<%d x %d, %s>".formatted(rows, cols, element == Element.F32 ? "f32" : "half");
    }
  }

  /**
   * One float per query row.
   *
   * @param partial the value of a row is the sum over the lanes that hold the row's columns: a
   *     reduction not yet made
   */
  record Row(int rows, boolean partial) implements Type {
    @Override
    public String toString() {
      return "Row<%d%s>".formatted(rows, partial ? ", partial" : "");
    }
  }

  /** An int that is the same for the whole CTA. */
  record Int() implements Type {
    @Override
    public String toString() {
      return "Int";
    }
  }

  /** Element types of tiles. */
  enum Element {
    F32,
    /** The kernel's 16-bit dtype. */
    HALF
  }
}
