package dev.attune.proof;

import static dev.attune.proof.Trial.shape;

import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.Shape;
import java.util.ArrayList;
import java.util.List;

/** Problems whose masks fall apart into residue classes. */
final class ResidueClasses {
  /** Those in which batch elements are a whole number of tokens apart. */
  private static final List<Layout> EVEN =
      List.of(Layout.CONTIGUOUS, Layout.SHIFTED, Layout.HEADS_FIRST);

  private static final List<Dtype> DTYPES = List.of(Dtype.values());

  private static final int[] STEPS = {1, 2, 3, 7, 1000};

  /**
   * Classes of unequal lengths, without keys, one row more than a tile, fewer rows than classes.
   */
  private static final int[][] SIZES = {
    {150, 150}, {201, 64}, {131, 203}, {5, 1}, {1, 9}, {3, 130}, {388, 30}, {257, 257},
  };

  private ResidueClasses() {}

  /** Every mask at every step, in sizes and layouts that take turns. */
  static List<Trial> trials() {
    List<Trial> trials = new ArrayList<>();
    for (AttentionSpec spec : specs()) {
      for (int step : STEPS) {
        int i = trials.size();
        int[] size = SIZES[i % SIZES.length];
        Shape shape = shape(1 + i % 2, 2, 1 + i / 3 % 2, size[0], size[1], 16 << i % 3);
        Dtype dtype = DTYPES.get(i / 2 % DTYPES.size());
        Trial trial = Trial.of(spec, dtype, shape).in(EVEN.get(i % EVEN.size()));
        for (String name : List.of("n", "dilation", "width")) {
          trial = trial.param(name, step);
        }
        trials.add(trial.param("window", 40).param("kernel", 9).param("segment", 50));
      }
    }
    return trials;
  }

  /** What masks leave of a class, and what else depends on where in the sequence a position is. */
  private static List<AttentionSpec> specs() {
    String n = "param n : int = 3 where n >= 1";
    return List.of(
        Kernels.library("dilated_window"),
        Kernels.library("dilated_causal"),
        Kernels.library("dilated_natten_1d"),
        Kernels.library("axial_column"),
        Kernels.library("longnet"),
        Kernels.spec(
            n,
            "score = score * scale - 0.03 * (h + 1) * abs(q - kv)",
            "mask = (kv - q) % n == 0 and kv <= q + (Skv - Sq)",
            "output lse, max_score"),
        Kernels.spec(
            n,
            "tensor row : float[Sq]",
            "tensor key : float[B, Skv]",
            "score = score * scale + row[q] + key[b, kv] + q / (kv + 1) / Sq",
            "mask = q % n == kv % n"),
        Kernels.spec(
            n,
            "tensor doc : int[Sq] where nondecreasing",
            "tensor doc_kv : int[Skv] where nondecreasing",
            "mask = doc[q] == doc_kv[kv] and (q - kv) % n == 0"),
        Kernels.spec(
            n,
            "weight = sigmoid(score * scale - 0.01 * q)",
            "mask = abs(q - kv) < 40 and (q + 5) % n == (kv + 5) % n"),
        Kernels.spec("mask = (q - kv) & 3 == 0 and q % 5 != 1 and kv < Skv - 3"));
  }
}
