package dev.attune.compiler.analysis;

import dev.attune.compiler.spec.Expr;
import java.util.List;
import java.util.stream.Stream;

/**
 * A predicate without negations: conjunctions and disjunctions of comparisons with zero, of
 * conditions that are uniform over a tile, and of what remains.
 */
sealed interface Formula {
  /** All of them hold. */
  record All(List<Formula> parts) implements Formula {
    public All {
      parts = List.copyOf(parts);
    }
  }

  /** One of them holds. */
  record Any(List<Formula> parts) implements Formula {
    public Any {
      parts = List.copyOf(parts);
    }
  }

  /** {@code sum <= 0}. */
  record AtMostZero(Affine sum) implements Formula {}

  /** {@code sum == 0}. */
  record IsZero(Affine sum) implements Formula {}

  /** A condition without q and kv. */
  record Uniform(Expr condition) implements Formula {}

  /** A condition on the pair of which only the declared facts are known. */
  record Opaque(Expr condition) implements Formula {}

  /** A formula that says what one comparison of the mask says. */
  record Clause(Expr stated, Formula meaning) implements Formula {}

  /** The predicate, or its negation. */
  static Formula of(Expr p, boolean wanted) {
    return new FormulaBuilder().of(p, wanted);
  }

  /** The comparisons of the mask that it is made of, in order. */
  default Stream<Clause> clauses() {
    return switch (this) {
      case All(List<Formula> parts) -> parts.stream().flatMap(Formula::clauses);
      case Any(List<Formula> parts) -> parts.stream().flatMap(Formula::clauses);
      case Clause c -> Stream.of(c);
      case Uniform u -> Stream.empty();
      case AtMostZero a -> Stream.empty();
      case IsZero a -> Stream.empty();
      case Opaque o -> Stream.empty();
    };
  }

  /** Whether q and kv do not matter to it. */
  default boolean isUniform() {
    return switch (this) {
      case All(List<Formula> parts) -> parts.stream().allMatch(Formula::isUniform);
      case Any(List<Formula> parts) -> parts.stream().allMatch(Formula::isUniform);
      case Clause(Expr stated, Formula meaning) -> meaning.isUniform();
      case Uniform u -> true;
      case AtMostZero a -> false;
      case IsZero a -> false;
      case Opaque o -> false;
    };
  }
}
