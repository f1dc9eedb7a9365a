package dev.attune.cli;

import dev.attune.compiler.reference.Problem;
import dev.attune.compiler.reference.RowId;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.Shape;
import java.util.List;
import java.util.stream.IntStream;

/** Chooses the rows that are compared: all of a small problem, a sample of a large one. */
final class Sample {
  /** Units of work, about two seconds of the reference on two cores. */
  private static final double WORK = 1.5e9;

  /** Work of one key besides its products, and of one node of score and mask at one key. */
  private static final int KEY = 60;

  private static final int NODE = 15;
  private static final int LEAST = 16;

  private Sample() {}

  /** The rows to compare: the same for the same problem and seed. */
  static List<RowId> rows(Problem problem, long seed) {
    Shape s = problem.shape();
    long nodes =
        Exprs.nodes(problem.spec().mask().expr()) + Exprs.nodes(problem.spec().score().expr());
    double perKey = s.headDim().qk() + s.headDim().v() + KEY + (double) NODE * nodes;
    double rows = WORK / (Math.max(1, s.kvSeq()) * 3.0 * perKey);
    return RowId.sample(problem.bindings(), (int) Math.clamp(rows, LEAST, 1 << 20), seed);
  }

  /** How many rows a problem has. */
  static long total(Problem problem) {
    return (long) problem.shape().heads()
        * IntStream.range(0, problem.shape().batch()).mapToLong(problem.bindings()::queries).sum();
  }
}
