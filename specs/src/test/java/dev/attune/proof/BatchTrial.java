package dev.attune.proof;

import dev.attune.compiler.random.Case;
import dev.attune.compiler.reference.Inputs;
import dev.attune.compiler.reference.Inputs.Distribution;
import dev.attune.compiler.reference.Problem;
import dev.attune.compiler.reference.Result;
import dev.attune.compiler.schedule.Batching;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Bindings;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.compiler.spec.NdArray;
import dev.attune.compiler.spec.SequenceLengths;
import dev.attune.compiler.spec.Shape;
import dev.attune.runtime.Device;
import dev.attune.runtime.DeviceException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.stream.IntStream;

/**
 * A batch of sequences of their own lengths. What is of no sequence is NaN, and so are all tokens
 * of every third sequence: none may reach another.
 */
record BatchTrial(
    AttentionSpec spec,
    Dtype dtype,
    int heads,
    int kvHeads,
    HeadDim dim,
    List<Integer> queries,
    List<Integer> keys,
    Batching batching,
    Layout layout) {

  private static final int POISONED = 3;

  /** Two query heads of a key/value head, bf16, as many keys as queries. */
  static BatchTrial of(AttentionSpec spec, Batching batching, Integer... lengths) {
    List<Integer> all = List.of(lengths);
    return new BatchTrial(
        spec, Dtype.BF16, 2, 1, new HeadDim(64, 64), all, all, batching, Layout.CONTIGUOUS);
  }

  BatchTrial keys(Integer... lengths) {
    return new BatchTrial(
        spec, dtype, heads, kvHeads, dim, queries, List.of(lengths), batching, layout);
  }

  BatchTrial in(Layout other) {
    return new BatchTrial(spec, dtype, heads, kvHeads, dim, queries, keys, batching, other);
  }

  BatchTrial of(Dtype type, int qHeads, int keyHeads, int dqk, int dv) {
    HeadDim other = new HeadDim(dqk, dv);
    return new BatchTrial(spec, type, qHeads, keyHeads, other, queries, keys, batching, layout);
  }

  /** Lengths as they come: nothing, one token, a few, tiles and their neighbours. */
  static List<Integer> lengths(Random random, int count) {
    int[] edges = {0, 0, 1, 2, 63, 64, 65, 127, 128, 129, 191, 192, 193, 200};
    return IntStream.range(0, count)
        .mapToObj(
            i -> random.nextInt(3) > 0 ? edges[random.nextInt(edges.length)] : random.nextInt(150))
        .toList();
  }

  /** The problem; its maxima are larger than any sequence in some. */
  Problem problem() {
    int slack = batching == Batching.PACKED ? 7 : 3;
    Shape shape =
        new Shape(
            queries.size(), heads, kvHeads, longest(queries) + slack, longest(keys) + slack, dim);
    Bindings bindings = Inputs.bindings(spec, shape, 1).with(new SequenceLengths(queries, keys));
    return poisoned(Inputs.problem(spec, bindings, dtype, Distribution.NORMAL, 1));
  }

  /** A problem with lengths drawn from its seed for its sequences, and a few more of these. */
  static Problem drawn(Case of) {
    Random random = new Random(of.seed());
    Shape s = of.shape();
    int count = s.batch() + random.nextInt(4);
    Shape shape = new Shape(count, s.heads(), s.kvHeads(), s.seq(), s.kvSeq(), s.headDim());
    Problem p =
        new Case(
                of.spec(), of.dtype(), shape, of.scale(), of.params(), of.distribution(), of.seed())
            .problem();
    SequenceLengths lengths =
        new SequenceLengths(drawn(random, count, s.seq()), drawn(random, count, s.kvSeq()));
    return poisoned(
        new Problem(p.spec(), p.bindings().with(lengths), p.dtype(), p.q(), p.k(), p.v()));
  }

  private static List<Integer> drawn(Random random, int count, int most) {
    return IntStream.range(0, count)
        .mapToObj(b -> random.nextInt(3) == 0 ? most : random.nextInt(most + 1))
        .toList();
  }

  private static Problem poisoned(Problem p) {
    SequenceLengths lengths = p.bindings().lengths().orElseThrow();
    return p.with(
        poisoned(p.q(), lengths.queries()),
        poisoned(p.k(), lengths.keys()),
        poisoned(p.v(), lengths.keys()));
  }

  private static int longest(List<Integer> lengths) {
    return lengths.isEmpty() ? 0 : Collections.max(lengths);
  }

  private static boolean poisoned(int b) {
    return b % POISONED == POISONED - 1;
  }

  private static NdArray poisoned(NdArray of, List<Integer> lengths) {
    int[] shape = of.shape();
    int row = shape[2] * shape[3];
    for (int b = 0; b < shape[0]; b++) {
      int from = poisoned(b) ? 0 : lengths.get(b);
      Arrays.fill(of.floats(), (b * shape[1] + from) * row, (b + 1) * shape[1] * row, Float.NaN);
    }
    return of;
  }

  /** What is wrong with a device's answer. */
  Optional<String> failure(Device device, Plan plan) {
    Plan kernels = plan.in(batching);
    return failure(device, kernels, layout, problem()).map(w -> w + " " + this + kernels);
  }

  /** What is wrong with a device's answer to a problem of sequences. */
  static Optional<String> failure(Device device, Plan plan, Layout layout, Problem p) {
    try {
      Result result = new Placed(device, plan, layout, Placed.Poison.NAN).run(p);
      return outside(p, result).or(() -> Trial.failures(answerable(p), result));
    } catch (DeviceException | AssertionError e) {
      return Optional.of(String.valueOf(e.getMessage()));
    }
  }

  /** The same problem without the queries of what is poisoned, which have no answer. */
  static Problem answerable(Problem p) {
    SequenceLengths lengths = p.bindings().lengths().orElseThrow();
    List<Integer> kept = new ArrayList<>(lengths.queries());
    for (int b = 0; b < kept.size(); b++) {
      kept.set(b, poisoned(b) ? 0 : kept.get(b));
    }
    Bindings some = p.bindings().with(new SequenceLengths(kept, lengths.keys()));
    return new Problem(p.spec(), some, p.dtype(), p.q(), p.k(), p.v());
  }

  /** Rows that are of no sequence are as they were: NaN. */
  private static Optional<String> outside(Problem p, Result result) {
    Shape s = p.shape();
    for (int b = 0; b < s.batch(); b++) {
      for (int q = p.bindings().queries(b); q < s.seq(); q++) {
        int at = (b * s.seq() + q) * s.heads() * s.headDim().v();
        for (int i = 0; i < s.heads() * s.headDim().v(); i++) {
          if (!Float.isNaN(result.o().floats()[at + i])) {
            return Optional.of("sequence %d ends before row %d, which is written".formatted(b, q));
          }
        }
      }
    }
    return Optional.empty();
  }
}
