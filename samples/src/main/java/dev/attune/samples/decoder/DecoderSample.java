package dev.attune.samples.decoder;

import dev.attune.runtime.Device;
import java.util.Locale;
import java.util.Random;

/** Runs a decoder on a device and compares it with exact attention. */
public final class DecoderSample {
  /** What bf16 in four layers may change, relative to the result: it has 8 bits of significand. */
  static final double TOLERANCE = 0.01;

  private static final int TOKENS = 48;
  private static final long SEED = 1;

  private DecoderSample() {}

  /**
   * Prints how far the two results are apart.
   *
   * @param args the name of a device; {@code auto} unless given
   */
  public static void main(String[] args) {
    try (Device device = Device.open(args.length == 0 ? "auto" : args[0])) {
      double difference = difference(Config.small(), device);
      System.out.println(
          String.format(
              Locale.ROOT,
              "%s on %s: relative difference from float64 %.5f, at most %.2f",
              difference <= TOLERANCE ? "PASS" : "FAIL",
              device.info().name(),
              difference,
              TOLERANCE));
    }
  }

  /** The relative difference of a decoder's result on a device from that of exact attention. */
  static double difference(Config config, Device device) {
    Decoder decoder = new Decoder(config, Weights.random(config, SEED));
    double[][] tokens = tokens(config);
    try (DeviceAttention attention = new DeviceAttention(config, device)) {
      return Maths.difference(
          decoder.run(tokens, attention), decoder.run(tokens, new ExactAttention(config)));
    }
  }

  /** The embeddings of a sequence. */
  static double[][] tokens(Config config) {
    Random random = new Random(SEED + 1);
    double[][] tokens = new double[TOKENS][];
    for (int t = 0; t < TOKENS; t++) {
      tokens[t] = random.doubles(config.hidden(), -2, 2).toArray();
    }
    return tokens;
  }
}
