package com.example;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.attune.compiler.spec.NdArray;
import java.util.Random;
import org.junit.jupiter.api.Test;

class ProgramTest {
  private static final int SEQ = 70;
  private static final int HEADS = 2;
  private static final int DIM = 64;

  /** Of few bits, so that bf16 holds it. */
  private static NdArray random(Random random) {
    NdArray array = NdArray.floats(1, SEQ, HEADS, DIM);
    for (int i = 0; i < array.floats().length; i++) {
      array.floats()[i] = random.nextInt(-8, 9) / 8f;
    }
    return array;
  }

  private static int at(int position, int head) {
    return (position * HEADS + head) * DIM;
  }

  @Test
  void attendsToTheLastPositions() {
    Random random = new Random(1);
    NdArray q = random(random);
    NdArray k = random(random);
    NdArray v = random(random);
    float[] slope = {0.5f, 0.125f};
    int window = 9;
    float[] o = Program.attend(q, k, v, slope, window).floats();
    for (int h = 0; h < HEADS; h++) {
      for (int i = 0; i < SEQ; i++) {
        double[] sum = new double[DIM];
        double weights = 0;
        for (int j = Math.max(0, i - window + 1); j <= i; j++) {
          double score = 0;
          for (int d = 0; d < DIM; d++) {
            score += q.floats()[at(i, h) + d] * k.floats()[at(j, h) + d];
          }
          double weight = Math.exp(score / Math.sqrt(DIM) - slope[h] * (i - j));
          weights += weight;
          for (int d = 0; d < DIM; d++) {
            sum[d] += weight * v.floats()[at(j, h) + d];
          }
        }
        for (int d = 0; d < DIM; d++) {
          assertEquals(sum[d] / weights, o[at(i, h) + d], 0.01, "q " + i + " h " + h + " d " + d);
        }
      }
    }
  }
}
