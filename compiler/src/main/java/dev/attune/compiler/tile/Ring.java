package dev.attune.compiler.tile;

import dev.attune.compiler.spec.Operand;
import java.util.Arrays;
import java.util.Optional;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/**
 * The buffers of one channel as the interpreter fills them, and how far each copy of the role that
 * gets has come. A tile of Q is kept in one part for each copy.
 */
final class Ring {
  private final Channel channel;
  private final SplittableRandom random;
  // By stage and part.
  private final double[][][] buffers;
  // By stage: what has been put and has not arrived.
  private final double[] @Nullable [] underway;
  private final WorkOrder.@Nullable Item[] items;
  // By copy.
  private final int[] got;
  private final int[] released;
  private int put;
  private boolean closed;

  Ring(Channel channel, int copies, SplittableRandom random) {
    this.channel = channel;
    this.random = random;
    int parts = channel.operand() == Operand.Q ? copies : 1;
    int size = channel.type().rows() * channel.type().cols() / parts;
    buffers = new double[channel.stages()][parts][size];
    underway = new double[channel.stages()][];
    items = new WorkOrder.Item[channel.stages()];
    got = new int[copies];
    released = new int[copies];
    for (double[][] stage : buffers) {
      for (double[] part : stage) {
        Arrays.fill(part, Double.NaN);
      }
    }
  }

  /** Whether a stage is free. */
  boolean hasRoom() {
    return put - Arrays.stream(released).min().orElseThrow() < channel.stages();
  }

  /** Starts a tile of an item on its way. It arrives now or when it is got. */
  void put(double[] tile, WorkOrder.Item item) {
    int stage = put++ % channel.stages();
    underway[stage] = tile;
    items[stage] = item;
    if (random.nextBoolean()) {
      arrive(stage);
    }
  }

  /** Nothing more will be put. */
  void close() {
    closed = true;
  }

  boolean isClosed() {
    return closed;
  }

  /** Whether there is a tile that a copy has not yet got. */
  boolean hasTile(int copy) {
    return got[copy] < put;
  }

  /** The item of the oldest tile that a copy has not yet got. */
  Optional<WorkOrder.Item> nextItem(int copy) {
    return hasTile(copy)
        ? Optional.ofNullable(items[got[copy] % channel.stages()])
        : Optional.empty();
  }

  /** How many tiles a copy has got. */
  int got(int copy) {
    return got[copy];
  }

  /** The buffer of the oldest tile not yet got. It is overwritten after the tile's release. */
  double[] get(int copy) {
    int stage = got[copy]++ % channel.stages();
    arrive(stage);
    return part(stage, copy);
  }

  /** Gives the oldest tile that a copy holds back. */
  void release(int copy, Op op) {
    requireHeld(copy, op);
    int stage = released[copy]++ % channel.stages();
    boolean shared = buffers[stage].length < released.length;
    boolean last = Arrays.stream(released).min().orElseThrow() == released[copy];
    if ((last || !shared) && random.nextBoolean()) {
      Arrays.fill(part(stage, copy), Double.NaN);
    }
  }

  /** Something else takes the place of the oldest tile that a copy holds. */
  void overwrite(int copy, Op op) {
    requireHeld(copy, op);
    Arrays.fill(part(released[copy] % channel.stages(), copy), Double.NaN);
  }

  /** Every copy has got and released all that was put. */
  void requireEmpty(String kernel) {
    if (Arrays.stream(released).anyMatch(n -> n != put)) {
      throw new InvalidTileKernelException(kernel, "tiles are left in channel " + channel.name());
    }
  }

  private double[] part(int stage, int copy) {
    return buffers[stage][copy % buffers[stage].length];
  }

  private void arrive(int stage) {
    double[] tile = underway[stage];
    if (tile != null) {
      int from = 0;
      for (double[] part : buffers[stage]) {
        System.arraycopy(tile, from, part, 0, part.length);
        from += part.length;
      }
      underway[stage] = null;
    }
  }

  private void requireHeld(int copy, Op op) {
    if (released[copy] == got[copy]) {
      throw new InvalidTileKernelException(
          TilePrinter.print(op), "no tile of the channel has been got");
    }
  }
}
