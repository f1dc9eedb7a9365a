package dev.attune.samples.decoder;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.attune.runtime.Device;
import org.junit.jupiter.api.Test;

/** The decoder agrees with exact attention, and would not with any other. */
final class DecoderSampleTest {
  private static final Config CONFIG = Config.small();

  @Test
  void theDeviceAgreesWithFloat64() {
    try (Device device = Device.open("emulated")) {
      double difference = DecoderSample.difference(CONFIG, device);
      assertTrue(difference <= DecoderSample.TOLERANCE, "" + difference);
      assertTrue(difference > 0, "bf16 rounds");
    }
  }

  /** The tolerance tells the two attentions, their window and their cap apart. */
  @Test
  void everyPartOfTheAttentionMatters() {
    Decoder decoder = new Decoder(CONFIG, Weights.random(CONFIG, 1));
    double[][] tokens = DecoderSample.tokens(CONFIG);
    Attend exact = new ExactAttention(CONFIG);
    double[][] right = decoder.run(tokens, exact);
    Config c = CONFIG;
    Config wider =
        new Config(4, c.hidden(), c.heads(), c.kvHeads(), 16, c.intermediate(), 13, c.cap());
    Config higher =
        new Config(4, c.hidden(), c.heads(), c.kvHeads(), 16, c.intermediate(), c.window(), 6);
    for (Attend wrong :
        new Attend[] {
          (local, q, k, v) -> exact.attend(true, q, k, v),
          (local, q, k, v) -> exact.attend(false, q, k, v),
          (local, q, k, v) -> exact.attend(!local, q, k, v),
          new ExactAttention(wider),
          new ExactAttention(higher),
        }) {
      double difference = Maths.difference(decoder.run(tokens, wrong), right);
      assertTrue(difference > 2 * DecoderSample.TOLERANCE, "" + difference);
    }
  }

  @Test
  void ropeDependsOnDistancesOnly() {
    double[][] x = new double[9][];
    for (int t = 0; t < x.length; t++) {
      x[t] = new double[] {0.3, -1, 2, 0.7};
    }
    double[][] r = Maths.rope(x, 4);
    assertArrayEquals(x[0], r[0]);
    assertEquals(dot(r[2], r[5]), dot(r[4], r[7]), 1e-12);
    assertTrue(Math.abs(dot(r[2], r[5]) - dot(r[2], r[6])) > 1e-3);
  }

  private static double dot(double[] a, double[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += a[i] * b[i];
    }
    return sum;
  }

  @Test
  void normsScaleToOne() {
    double[][] n = Maths.rmsNorm(new double[][] {{3, 4}}, new double[] {0, 1});
    assertEquals(3 / Math.sqrt(12.5), n[0][0], 1e-6);
    assertEquals(2 * 4 / Math.sqrt(12.5), n[0][1], 1e-6);
  }
}
