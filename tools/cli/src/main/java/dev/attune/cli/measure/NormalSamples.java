package dev.attune.cli.measure;

import dev.attune.compiler.spec.Dtype;
import dev.attune.runtime.Tensor;
import java.util.Random;
import java.util.SplittableRandom;

/**
 * Standard normal numbers in a 16-bit dtype, drawn from 65536 of them: millions in a moment. What a
 * kernel costs depends on its data (the power limit of a card sees every bit that toggles), so
 * times are taken on numbers like these.
 */
final class NormalSamples {
  private static final int CHUNK = 4 << 20;

  private final short[] table = new short[1 << 16];

  NormalSamples(Dtype dtype) {
    Random random = new Random(1);
    for (int i = 0; i < table.length; i++) {
      table[i] = dtype.encode((float) random.nextGaussian());
    }
  }

  /** Fills a tensor without gaps; the same seed gives the same numbers. */
  void fill(Tensor tensor, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    long bytes = 2L;
    for (int extent : tensor.shape()) {
      bytes *= extent;
    }
    byte[] chunk = new byte[(int) Math.min(bytes, CHUNK)];
    for (long done = 0; done < bytes; done += chunk.length) {
      int size = (int) Math.min(chunk.length, bytes - done);
      long bits = 0;
      for (int i = 0; i < size; i += 2) {
        bits = i % 8 == 0 ? random.nextLong() : bits >>> 16;
        short value = table[(int) bits & 0xFFFF];
        chunk[i] = (byte) value;
        chunk[i + 1] = (byte) (value >> 8);
      }
      tensor.buffer().write(tensor.offset() + done, chunk, 0, size);
    }
  }
}
