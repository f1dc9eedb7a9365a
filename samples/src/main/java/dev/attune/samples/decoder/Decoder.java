package dev.attune.samples.decoder;

import static dev.attune.samples.decoder.Maths.add;
import static dev.attune.samples.decoder.Maths.gated;
import static dev.attune.samples.decoder.Maths.linear;
import static dev.attune.samples.decoder.Maths.rmsNorm;
import static dev.attune.samples.decoder.Maths.rope;

/**
 * The layers of a decoder as Gemma 2 has them ("Gemma 2: Improving Open Language Models at a
 * Practical Size", section 2): local and global attention take turns, their scores are capped, and
 * both attention and MLP are normalized before and after.
 */
record Decoder(Config config, Weights weights) {

  /**
   * What the layers make of a sequence.
   *
   * @param tokens [tokens][hidden]
   * @param attention how attention is computed
   */
  double[][] run(double[][] tokens, Attend attention) {
    double[][] x = tokens;
    for (int i = 0; i < config.layers(); i++) {
      Weights.Layer w = weights.layers().get(i);
      double[][] normed = rmsNorm(x, w.attentionNorm());
      double[][] attended =
          attention.attend(
              config.local(i),
              rope(linear(normed, w.query()), config.headDim()),
              rope(linear(normed, w.key()), config.headDim()),
              linear(normed, w.value()));
      x = add(x, rmsNorm(linear(attended, w.output()), w.afterAttentionNorm()));
      double[][] in = rmsNorm(x, w.mlpNorm());
      double[][] mlp = linear(gated(linear(in, w.gate()), linear(in, w.up())), w.down());
      x = add(x, rmsNorm(mlp, w.afterMlpNorm()));
    }
    return rmsNorm(x, weights.finalNorm());
  }
}
