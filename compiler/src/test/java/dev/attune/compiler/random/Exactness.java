package dev.attune.compiler.random;

import dev.attune.compiler.reference.Problem;
import dev.attune.compiler.reference.Reference;
import dev.attune.compiler.reference.RowId;
import dev.attune.compiler.spec.Output;
import dev.attune.compiler.tile.Op;
import dev.attune.compiler.tile.TileInterpreter;
import dev.attune.compiler.tile.TileKernel;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/** Compares the unrounded run of a tile kernel with the reference, to rounding in binary64. */
public final class Exactness {
  /** What binary64 explains, relative to the terms summed: a few hundred roundings. */
  private static final double TOLERANCE = 4e-13;

  /** The same in units of what binary32 explains. */
  private static final double OF_BINARY32 = 0x1p-21;

  private final Object text;
  private final Problem problem;
  private final long seed;
  private final List<RowId> ids;
  private final List<Reference.Row> rows;

  /** Computes the reference of a case. */
  public Exactness(Case of) {
    this(of, of.problem(), of.seed());
  }

  /**
   * Computes the reference of a problem.
   *
   * @param text what messages say of it
   * @param seed of what the interpreter leaves open
   */
  public Exactness(Object text, Problem problem, long seed) {
    this.text = text;
    this.problem = problem;
    this.seed = seed;
    this.ids = RowId.all(problem.bindings());
    this.rows = new Reference(problem).rows();
  }

  /**
   * Runs a kernel and compares every output.
   *
   * @param stage the pass whose result the kernel is, for the message
   * @return how many kv tiles of each phase were visited
   * @throws AssertionError with the case, the kernel's stage and the first difference
   */
  public Map<Op.Phase, Long> check(String stage, TileKernel kernel) {
    TileInterpreter.Result result;
    try {
      result =
          TileInterpreter.run(
              kernel,
              problem.bindings(),
              problem.q(),
              problem.k(),
              problem.v(),
              new TileInterpreter.Options(false, seed));
    } catch (RuntimeException e) {
      throw new AssertionError("%s: %s%s".formatted(stage, e.getMessage(), text), e);
    }
    for (int i = 0; i < ids.size(); i++) {
      RowId id = ids.get(i);
      Reference.Row row = rows.get(i);
      Reference.Deviation deviation = row.deviation();
      int at = id.outputIndex(problem.shape());
      for (int d = 0; d < row.o().length; d++) {
        int column = d;
        same(
            stage,
            () -> id + " O[" + column + "]",
            row.o()[d],
            result.o()[at + d],
            TOLERANCE * row.magnitude()[d] + OF_BINARY32 * deviation.o()[d]);
      }
      int place = id.lseIndex(problem.shape());
      if (result.lse().isPresent()) {
        double lse = row.lse();
        same(
            stage,
            () -> id + " LSE",
            lse,
            result.lse().get()[place],
            TOLERANCE * (1 + Math.abs(lse)) + OF_BINARY32 * deviation.lse());
      }
      if (problem.spec().outputs().contains(Output.MAX_SCORE)) {
        double max = row.maxScore();
        Optional<double[]> actual = result.maxScore();
        same(
            stage,
            () -> id + " largest score",
            max,
            actual.orElseThrow()[place],
            TOLERANCE * (1 + Math.abs(max)) + OF_BINARY32 * deviation.maxScore());
      }
    }
    return result.tiles();
  }

  private void same(
      String stage, Supplier<String> where, double expected, double actual, double tolerance) {
    boolean equal = expected == actual || Math.abs(expected - actual) <= tolerance;
    if (!equal) {
      throw new AssertionError(
          "after %s, %s: reference %s, interpreter %s (within %s)%s"
              .formatted(stage, where.get(), expected, actual, tolerance, text));
    }
  }
}
