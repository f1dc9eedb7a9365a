package dev.attune.samples.decoder;

/** What a decoder does besides attention, token by token. */
final class Maths {
  private static final double EPSILON = 1e-6;
  private static final double THETA = 10_000;

  private Maths() {}

  /** Every token times a matrix of [outputs][inputs]. */
  static double[][] linear(double[][] tokens, double[][] matrix) {
    double[][] out = new double[tokens.length][matrix.length];
    for (int t = 0; t < tokens.length; t++) {
      for (int i = 0; i < matrix.length; i++) {
        double sum = 0;
        for (int j = 0; j < matrix[i].length; j++) {
          sum += matrix[i][j] * tokens[t][j];
        }
        out[t][i] = sum;
      }
    }
    return out;
  }

  /** Root mean square normalization, scaled by 1 + weight. */
  static double[][] rmsNorm(double[][] tokens, double[] weight) {
    double[][] out = new double[tokens.length][weight.length];
    for (int t = 0; t < tokens.length; t++) {
      double squares = 0;
      for (double x : tokens[t]) {
        squares += x * x;
      }
      double factor = 1 / Math.sqrt(squares / weight.length + EPSILON);
      for (int i = 0; i < weight.length; i++) {
        out[t][i] = tokens[t][i] * factor * (1 + weight[i]);
      }
    }
    return out;
  }

  /** Rotates the halves of every head by angles that grow with the token's position. */
  static double[][] rope(double[][] tokens, int headDim) {
    int half = headDim / 2;
    double[][] out = new double[tokens.length][];
    for (int t = 0; t < tokens.length; t++) {
      out[t] = tokens[t].clone();
      for (int head = 0; head < tokens[t].length; head += headDim) {
        for (int i = 0; i < half; i++) {
          double angle = t * Math.pow(THETA, -(double) i / half);
          double a = tokens[t][head + i];
          double b = tokens[t][head + half + i];
          out[t][head + i] = a * Math.cos(angle) - b * Math.sin(angle);
          out[t][head + half + i] = b * Math.cos(angle) + a * Math.sin(angle);
        }
      }
    }
    return out;
  }

  /** gelu(gate) · up, with the tanh form of GELU. */
  static double[][] gated(double[][] gate, double[][] up) {
    double[][] out = new double[gate.length][];
    for (int t = 0; t < gate.length; t++) {
      out[t] = new double[gate[t].length];
      for (int i = 0; i < gate[t].length; i++) {
        double x = gate[t][i];
        double inner = Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x);
        out[t][i] = 0.5 * x * (1 + Math.tanh(inner)) * up[t][i];
      }
    }
    return out;
  }

  /** The residual sum. */
  static double[][] add(double[][] a, double[][] b) {
    double[][] out = new double[a.length][];
    for (int t = 0; t < a.length; t++) {
      out[t] = new double[a[t].length];
      for (int i = 0; i < a[t].length; i++) {
        out[t][i] = a[t][i] + b[t][i];
      }
    }
    return out;
  }

  /** ‖a − b‖ / ‖b‖. */
  static double difference(double[][] a, double[][] b) {
    double error = 0;
    double norm = 0;
    for (int t = 0; t < a.length; t++) {
      for (int i = 0; i < a[t].length; i++) {
        error += (a[t][i] - b[t][i]) * (a[t][i] - b[t][i]);
        norm += b[t][i] * b[t][i];
      }
    }
    return Math.sqrt(error / norm);
  }
}
