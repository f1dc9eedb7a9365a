package dev.attune.compiler.tile;

import java.util.Arrays;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/** The buffers of one channel as the interpreter fills them. */
final class Ring {
  private final Channel channel;
  private final SplittableRandom random;
  private final double[][] buffers;
  // By buffer: what has been put and has not arrived.
  private final double[] @Nullable [] underway;
  private int put;
  private int got;
  private int released;

  Ring(Channel channel, SplittableRandom random) {
    this.channel = channel;
    this.random = random;
    buffers = new double[channel.stages()][channel.type().rows() * channel.type().cols()];
    underway = new double[channel.stages()][];
    for (double[] buffer : buffers) {
      Arrays.fill(buffer, Double.NaN);
    }
  }

  /** Starts a tile on its way. It arrives now or when it is got. */
  void put(Op op, double[] tile) {
    require(op, put - released < channel.stages(), "waits for ever for a free stage");
    underway[put % channel.stages()] = tile;
    if (random.nextBoolean()) {
      arrive(put % channel.stages());
    }
    put++;
  }

  /** The buffer of the oldest tile not yet got. It is overwritten after the tile's release. */
  double[] get(Op op) {
    require(op, got < put, "waits for ever for a tile");
    int stage = got++ % channel.stages();
    arrive(stage);
    return buffers[stage];
  }

  /** Gives the oldest tile's buffer free. */
  void release(Op op) {
    require(op, released < got, "no tile of the channel has been got");
    int stage = released++ % channel.stages();
    if (random.nextBoolean()) {
      Arrays.fill(buffers[stage], Double.NaN);
    }
  }

  void requireEmpty(String kernel) {
    if (put != released) {
      throw new InvalidTileKernelException(kernel, "tiles are left in channel " + channel.name());
    }
  }

  private void arrive(int stage) {
    double[] tile = underway[stage];
    if (tile != null) {
      System.arraycopy(tile, 0, buffers[stage], 0, tile.length);
      underway[stage] = null;
    }
  }

  private static void require(Op op, boolean holds, String rule) {
    if (!holds) {
      throw new InvalidTileKernelException(TilePrinter.print(op), rule);
    }
  }
}
