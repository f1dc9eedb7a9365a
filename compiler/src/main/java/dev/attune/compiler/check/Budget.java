package dev.attune.compiler.check;

import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Expr.Reduce;
import dev.attune.compiler.spec.Exprs;
import dev.attune.dsl.diagnostic.Code;
import dev.attune.dsl.diagnostic.Diagnostic;
import dev.attune.dsl.diagnostic.Span;
import java.util.IdentityHashMap;
import java.util.Optional;

/** Keeps expressions, with every definition in place, within a size that a kernel can carry. */
final class Budget {
  /** Nodes of one expression, with reductions unrolled. */
  static final int NODES = 4096;

  /** Levels of one expression: everything after the check walks it recursively. */
  static final int LEVELS = 512;

  /** The magnitude that int expressions may have, so that no arithmetic on them leaves 64 bits. */
  static final double INT_LIMIT = 0x1p62;

  private record Size(long nodes, int levels) {}

  private final Problems problems;
  private final IdentityHashMap<Expr, Size> sizes = new IdentityHashMap<>();

  Budget(Problems problems) {
    this.problems = problems;
  }

  /** The expression, unless it is too large. */
  Optional<Expr> charge(Expr e, Span span, Env env) {
    Size size = size(e);
    if (size.nodes <= NODES && size.levels <= LEVELS) {
      return Optional.of(e);
    }
    problems.add(
        env,
        Diagnostic.at(
                span,
                Code.TOO_COMPLEX,
                size.nodes > NODES
                    ? "the expression has more than %d operations once every definition is in place"
                        .formatted(NODES)
                    : "the expression has more than %d levels once every definition is in place"
                        .formatted(LEVELS))
            .help("put precomputed values into a tensor"));
    return Optional.empty();
  }

  private Size size(Expr e) {
    Size before = sizes.get(e);
    if (before != null) {
      return before;
    }
    long nodes = 1;
    int levels = 0;
    for (Expr part : Exprs.children(e)) {
      Size s = size(part);
      nodes += s.nodes;
      levels = Math.max(levels, s.levels);
    }
    if (e instanceof Reduce r) {
      nodes *= Math.max(1, r.to() - r.from());
    }
    Size size = new Size(nodes, levels + 1);
    sizes.put(e, size);
    return size;
  }
}
