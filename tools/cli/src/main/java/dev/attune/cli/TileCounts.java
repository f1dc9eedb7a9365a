package dev.attune.cli;

import dev.attune.cli.picture.TileMap;
import dev.attune.compiler.analysis.Residues;
import dev.attune.compiler.analysis.TileClass;
import dev.attune.compiler.analysis.TileTest;
import dev.attune.compiler.pass.Pass;
import dev.attune.compiler.pass.Pipeline;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Bindings;
import dev.attune.compiler.spec.Eval;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.Position;
import dev.attune.compiler.spec.Shape;
import dev.attune.compiler.tile.Op;
import dev.attune.compiler.tile.TileKernel;
import dev.attune.compiler.tile.Value;
import dev.attune.ptx.compile.KernelCompiler.Compilation;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * How many tiles of the score matrix a kernel visits at one shape.
 *
 * @param full visited without mask code
 * @param masked visited with mask code
 * @param skipped not visited
 */
record TileCounts(long full, long masked, long skipped) {
  /** The pass that parts masked tiles from full ones. */
  private static final String SPLIT = "split-phases";

  /** Counts what the kernel of a compilation visits. */
  static TileCounts of(Compilation compiled, Bindings bindings) {
    // Later passes take tiles out of the loops and share them among roles.
    int split = compiled.passes().stream().map(Pass::name).toList().indexOf(SPLIT);
    List<Pass> passes = compiled.passes().subList(0, split + 1);
    return of(Pipeline.run(passes, compiled.lowered()), bindings);
  }

  /** Counts what the tile tests of a kernel's mask say of tiles of its size. */
  static TileCounts of(TileTest test, TileKernel kernel, Bindings bindings) {
    boolean same = !differs(test.some()) && !differs(test.all());
    return sum(
        kernel.spec(),
        bindings,
        same,
        (eval, queries, keys) -> {
          TileMap map = TileMap.of(test, eval, queries, keys, kernel.rows(), kernel.cols());
          return new TileCounts(
              map.count(TileClass.FULL), map.count(TileClass.PARTIAL), map.count(TileClass.EMPTY));
        });
  }

  /** Counts what the loops of a kernel run over. */
  private static TileCounts of(TileKernel kernel, Bindings bindings) {
    boolean same =
        kernel.body().stream().noneMatch(TileCounts::differs)
            && kernel.tested().stream()
                .flatMap(t -> t.parts().stream())
                .noneMatch(TileCounts::differs);
    return sum(
        kernel.spec(),
        bindings,
        same,
        (eval, queries, keys) -> {
          TileCounts sum = new TileCounts(0, 0, 0);
          for (int first = 0; first < queries; first += kernel.rows()) {
            eval.bind(TileKernel.Q_FIRST, first)
                .bind(TileKernel.Q_LAST, Math.min(first + kernel.rows(), queries) - 1);
            kernel.tested().ifPresent(tested -> tested.evaluate(eval, keys));
            sum = sum.plus(tile(kernel, eval, Math.ceilDiv(keys, kernel.cols())));
          }
          return sum;
        });
  }

  /** The tiles of a head of a sequence, or of a residue class of one. */
  private interface Count {
    TileCounts of(Eval eval, int queries, int keys);
  }

  /**
   * Counts all heads of all sequences, by their residue classes where the spec is of such.
   *
   * @param same whether those of one head are those of all
   */
  private static TileCounts sum(AttentionSpec spec, Bindings bindings, boolean same, Count count) {
    Shape s = bindings.shape();
    Eval eval = new Eval(bindings);
    Optional<Long> step = spec.step().map(eval::integer);
    TileCounts sum = new TileCounts(0, 0, 0);
    for (int b = 0; b < (same ? Math.min(1, s.batch()) : s.batch()); b++) {
      for (int h = 0; h < (same ? 1 : s.heads()); h++) {
        eval.at(b, h, 0, 0);
        if (step.isEmpty()) {
          sum = sum.plus(count.of(eval, s.seq(), s.kvSeq()));
          continue;
        }
        long n = step.get();
        for (int r = 0; r < Residues.classes(n, s.seq()); r++) {
          Residues.enter(eval, s, n, r);
          sum =
              sum.plus(
                  count.of(eval, Residues.length(n, s.seq(), r), Residues.length(n, s.kvSeq(), r)));
        }
      }
    }
    return sum.times(same ? (long) Math.max(1, s.batch()) * s.heads() : 1);
  }

  /** Whether a loop's range depends on batch element or head. */
  private static boolean differs(Op op) {
    return op instanceof Op.Scalar(Value out, Expr expr) && differs(expr);
  }

  private static boolean differs(Expr e) {
    return Exprs.uses(e, Position.B) || Exprs.uses(e, Position.H) || Exprs.uses(e, Position.HKV);
  }

  /** The tiles of one CTA. */
  private static TileCounts tile(TileKernel kernel, Eval eval, int columns) {
    Map<Value, Long> scalars = new HashMap<>();
    long full = 0;
    long masked = 0;
    for (Op op : kernel.body()) {
      if (op instanceof Op.Scalar(Value out, Expr expr)) {
        scalars.put(out, eval.integer(expr));
      } else if (op instanceof Op.For loop) {
        long trips =
            Math.max(
                0, scalars.getOrDefault(loop.to(), 0L) - scalars.getOrDefault(loop.from(), 0L));
        switch (loop.phase()) {
          case BULK -> full += trips;
          case MASKED -> masked += trips;
          case EMPTY -> {} // Not visited.
        }
      }
    }
    return new TileCounts(full, masked, columns - full - masked);
  }

  private TileCounts times(long n) {
    return new TileCounts(full * n, masked * n, skipped * n);
  }

  private TileCounts plus(TileCounts o) {
    return new TileCounts(full + o.full, masked + o.masked, skipped + o.skipped);
  }

  /** The counts on one line. */
  String print() {
    long all = full + masked + skipped;
    return String.format(
        Locale.ROOT,
        "%d of %d tiles visited (%.1f %%): %d full, %d masked; %d skipped",
        full + masked,
        all,
        all == 0 ? 0 : 100.0 * (full + masked) / all,
        full,
        masked,
        skipped);
  }
}
