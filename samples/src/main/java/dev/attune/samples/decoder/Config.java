package dev.attune.samples.decoder;

/**
 * The sizes of a decoder.
 *
 * @param layers of which the first, third, … attend locally and the others globally
 * @param hidden width of a token between layers
 * @param heads query heads
 * @param kvHeads heads of keys and values; divides {@code heads}
 * @param headDim width of a head; a multiple of 8
 * @param intermediate width inside the MLP
 * @param window how many keys, its own included, a token of a local layer attends to
 * @param cap bound of the scores
 */
public record Config(
    int layers,
    int hidden,
    int heads,
    int kvHeads,
    int headDim,
    int intermediate,
    int window,
    double cap) {

  /** A decoder small enough for the emulator. */
  public static Config small() {
    return new Config(4, 64, 4, 2, 16, 128, 12, 3);
  }

  /** Whether a layer attends within the window only. */
  boolean local(int layer) {
    return layer % 2 == 0;
  }
}
