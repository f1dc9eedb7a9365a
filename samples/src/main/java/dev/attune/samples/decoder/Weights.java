package dev.attune.samples.decoder;

import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;

/**
 * The weights of a decoder. Matrices are [outputs][inputs]; norms scale by one plus their weight.
 *
 * @param layers first to last
 * @param finalNorm [hidden]
 */
@SuppressWarnings("ArrayRecordComponent") // Bulk data: identity is the only useful equality.
public record Weights(List<Layer> layers, double[] finalNorm) {

  public Weights {
    layers = List.copyOf(layers);
  }

  /**
   * One layer. Gemma 2 normalizes what goes into attention and MLP, and what comes out.
   *
   * @param query [heads · headDim][hidden]; {@code key} and {@code value} with kvHeads
   * @param output [hidden][heads · headDim]
   * @param gate [intermediate][hidden], as {@code up}
   * @param down [hidden][intermediate]
   */
  public record Layer(
      double[] attentionNorm,
      double[][] query,
      double[][] key,
      double[][] value,
      double[][] output,
      double[] afterAttentionNorm,
      double[] mlpNorm,
      double[][] gate,
      double[][] up,
      double[][] down,
      double[] afterMlpNorm) {}

  /** Random weights that keep the size of what they multiply. */
  public static Weights random(Config c, long seed) {
    Random random = new Random(seed);
    int queries = c.heads() * c.headDim();
    int keys = c.kvHeads() * c.headDim();
    List<Layer> layers =
        IntStream.range(0, c.layers())
            .mapToObj(
                i ->
                    new Layer(
                        norm(random, c.hidden()),
                        matrix(random, queries, c.hidden()),
                        matrix(random, keys, c.hidden()),
                        matrix(random, keys, c.hidden()),
                        matrix(random, c.hidden(), queries),
                        norm(random, c.hidden()),
                        norm(random, c.hidden()),
                        matrix(random, c.intermediate(), c.hidden()),
                        matrix(random, c.intermediate(), c.hidden()),
                        matrix(random, c.hidden(), c.intermediate()),
                        norm(random, c.hidden())))
            .toList();
    return new Weights(layers, norm(random, c.hidden()));
  }

  private static double[] norm(Random random, int width) {
    return random.doubles(width, -0.2, 0.2).toArray();
  }

  private static double[][] matrix(Random random, int outputs, int inputs) {
    double[][] m = new double[outputs][inputs];
    for (double[] row : m) {
      for (int i = 0; i < inputs; i++) {
        row[i] = random.nextGaussian() / Math.sqrt(inputs);
      }
    }
    return m;
  }
}
