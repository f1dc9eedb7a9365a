package dev.attune.proof;

import dev.attune.compiler.schedule.Batching;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Dtype;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** Batches of sequences of their own lengths. */
final class Batches {
  /** Those in which batch elements are a whole number of tokens apart. */
  private static final List<Layout> EVEN =
      List.of(Layout.CONTIGUOUS, Layout.SHIFTED, Layout.HEADS_FIRST);

  private Batches() {}

  /** What every kind of batch and mask is held to. */
  static List<BatchTrial> trials() {
    List<BatchTrial> trials = new ArrayList<>();
    for (Batching batching : List.of(Batching.PACKED, Batching.PADDED)) {
      AttentionSpec causal = Kernels.library("causal_bottom_right");
      AttentionSpec full = Kernels.library("full");
      trials.add(BatchTrial.of(full, batching));
      trials.add(BatchTrial.of(full, batching, 0));
      trials.add(BatchTrial.of(full, batching, 1));
      trials.add(BatchTrial.of(full, batching, 0, 0, 0).keys(0, 5, 0));
      trials.add(BatchTrial.of(full, batching, 5, 70).keys(0, 0));
      trials.add(BatchTrial.of(full, batching, 5, 70, 0, 300).keys(64, 0, 3, 129));
      trials.add(BatchTrial.of(causal, batching, 100, 1, 0, 200).keys(30, 200, 7, 200));
      trials.add(BatchTrial.of(causal, batching, 128, 64, 192, 256).of(Dtype.F16, 4, 2, 128, 128));
      Random random = new Random(7);
      for (int count : new int[] {3, 32, 33, 70}) {
        Integer[] queries = BatchTrial.lengths(random, count).toArray(Integer[]::new);
        Integer[] keys = BatchTrial.lengths(random, count).toArray(Integer[]::new);
        BatchTrial trial = BatchTrial.of(count % 2 == 0 ? full : causal, batching, queries);
        trials.add(trial.keys(keys).of(Dtype.BF16, 1, 1, 16, 16));
      }
      int i = 0;
      for (AttentionSpec spec : specs()) {
        Integer[] lengths = BatchTrial.lengths(random, 3).toArray(Integer[]::new);
        List<Layout> layouts = batching == Batching.PACKED ? List.of(Layout.values()) : EVEN;
        trials.add(BatchTrial.of(spec, batching, lengths).in(layouts.get(i++ % layouts.size())));
      }
    }
    return trials;
  }

  /** Masks, scores and tensors whose meaning depends on the lengths of a sequence. */
  private static List<AttentionSpec> specs() {
    return List.of(
        Kernels.library("causal"),
        Kernels.library("alibi"),
        Kernels.library("document_causal"),
        Kernels.library("gpt_oss"),
        Kernels.library("softcap"),
        Kernels.library("relative_bias"),
        Kernels.library("padding"),
        Kernels.library("dilated_window"),
        Kernels.spec("mask = abs(q - kv) < 40"),
        Kernels.spec("weight = sigmoid(score * scale - 0.5)", "mask = causal"),
        Kernels.spec("mask = kv >= Skv - 50 or kv < 3"),
        Kernels.spec(
            "tensor doc : int[Sq] where nondecreasing",
            "tensor doc_kv : int[Skv] where nondecreasing",
            "mask = doc[q] == doc_kv[kv]"),
        Kernels.spec(
            "tensor last : float[B, Skv]",
            "score = score * scale + last[b, Skv - 1 - kv] / Skv",
            "mask = (q + kv) % 3 != 0 and kv <= q + (Skv - Sq)",
            "output lse, max_score"));
  }
}
