package dev.attune.samples.decoder;

/** Both attentions by their definition, in float64. */
record ExactAttention(Config config) implements Attend {

  @Override
  public double[][] attend(boolean local, double[][] q, double[][] k, double[][] v) {
    int dim = config.headDim();
    int group = config.heads() / config.kvHeads();
    double[][] o = new double[q.length][config.heads() * dim];
    for (int t = 0; t < q.length; t++) {
      int first = local ? Math.max(0, t - config.window() + 1) : 0;
      for (int head = 0; head < config.heads(); head++) {
        int at = head * dim;
        int kvAt = head / group * dim;
        double sum = 0;
        for (int key = first; key <= t; key++) {
          double weight = Math.exp(score(q[t], at, k[key], kvAt));
          sum += weight;
          for (int i = 0; i < dim; i++) {
            o[t][at + i] += weight * v[key][kvAt + i];
          }
        }
        for (int i = 0; i < dim; i++) {
          o[t][at + i] /= sum;
        }
      }
    }
    return o;
  }

  /** cap · tanh(q · k / (√headDim · cap)): never more than the cap, whose exponential is finite. */
  private double score(double[] q, int at, double[] k, int kvAt) {
    double product = 0;
    for (int i = 0; i < config.headDim(); i++) {
      product += q[at + i] * k[kvAt + i];
    }
    return config.cap() * Math.tanh(product / Math.sqrt(config.headDim()) / config.cap());
  }
}
