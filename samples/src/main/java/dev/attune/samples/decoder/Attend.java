package dev.attune.samples.decoder;

/** The attention of one layer. */
@FunctionalInterface
interface Attend {
  /**
   * Attention of the tokens of one sequence to each other.
   *
   * @param local whether within the window only
   * @param q [tokens][heads · headDim]
   * @param k [tokens][kvHeads · headDim], as {@code v}
   * @return [tokens][heads · headDim]
   */
  double[][] attend(boolean local, double[][] q, double[][] k, double[][] v);
}
