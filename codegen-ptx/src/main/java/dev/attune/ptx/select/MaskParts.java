package dev.attune.ptx.select;

import dev.attune.compiler.analysis.IntRanges;
import dev.attune.compiler.spec.BinaryOp;
import dev.attune.compiler.spec.Expr;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A mask's conjunction by how its parts are evaluated.
 *
 * @param bits those that are bits at columns, where one of them is periodic: any other comparison
 *     with the key costs as little by itself
 * @param heavy those that are evaluated term by term
 * @param rest the others
 */
record MaskParts(Optional<ColumnBits> bits, List<Expr> heavy, Expr rest) {

  /** The parts of an unrolled predicate. */
  static MaskParts of(Expr predicate, IntRanges ranges) {
    List<Expr> heavy = new ArrayList<>();
    List<Expr> light = new ArrayList<>();
    List<Expr> rest = new ArrayList<>();
    List<ColumnBits> bits = new ArrayList<>();
    Terms.of(BinaryOp.AND, predicate)
        .forEach(
            part -> {
              if (Terms.heavy(part)) {
                heavy.add(part);
                return;
              }
              light.add(part);
              ColumnBits.of(part, ranges).ifPresentOrElse(bits::add, () -> rest.add(part));
            });
    return bits.stream().anyMatch(ColumnBits::periodic)
        ? new MaskParts(bits.stream().reduce(ColumnBits.And::new), heavy, Terms.all(rest))
        : new MaskParts(Optional.empty(), heavy, Terms.all(light));
  }
}
