package dev.attune.compiler.check;

import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.Normalization;
import dev.attune.dsl.diagnostic.Code;
import dev.attune.dsl.diagnostic.Diagnostic;
import dev.attune.dsl.diagnostic.Span;
import dev.attune.dsl.syntax.Item;
import dev.attune.dsl.syntax.Member;
import dev.attune.dsl.syntax.Member.Clause.Kind;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;

/** Warns of what an attention declares and does not use. */
final class Usefulness {
  private final Problems problems;
  private final Elaborator elaborator;
  private final Item.Attention attention;
  private final Scope scope;

  Usefulness(Problems problems, Elaborator elaborator, Item.Attention attention, Scope scope) {
    this.problems = problems;
    this.elaborator = elaborator;
    this.attention = attention;
    this.scope = scope;
  }

  void check(AttentionSpec spec, Map<Kind, Member.Clause> clauses) {
    List<Expr> roots = roots(spec);
    for (Member member : attention.members()) {
      switch (member) {
        case Member.Param p -> {
          String name = p.name().text();
          if (!mentions(roots, e -> e instanceof Expr.Param u && u.name().equals(name))) {
            unused(p.name().span(), "the parameter '%s' has no effect".formatted(name));
          }
        }
        case Member.Tensor t -> {
          String name = t.name().text();
          if (!mentions(roots, e -> e instanceof Expr.Gather g && g.tensor().equals(name))) {
            unused(t.name().span(), "the tensor '%s' has no effect".formatted(name));
          }
        }
        case Item.Const c ->
            local(
                c.name().span(),
                c.name().text(),
                Optional.ofNullable(scope.ownValues().get(c.name().text())));
        case Item.Let l ->
            local(
                l.name().span(),
                l.name().text(),
                Optional.ofNullable(scope.ownValues().get(l.name().text())));
        case Item.Def d ->
            local(
                d.name().span(),
                d.name().text(),
                Optional.ofNullable(scope.ownFunctions().get(d.name().text())));
        case Item.Broken b -> {}
        case Member.Clause c -> {}
        case Member.Outputs o -> {}
        case Member.DtypeSetting d -> {}
        case Member.HeadDimSetting h -> {}
        case Member.Instances i -> {}
      }
    }
    Member.Clause score = clauses.get(Kind.SCORE);
    if (score != null) {
      score(spec.score().expr(), score.keyword());
    }
  }

  private void score(Expr score, Span at) {
    boolean product = mentions(List.of(score), e -> e instanceof Expr.Score);
    if (!product) {
      problems.add(
          Diagnostic.at(
                  at,
                  Code.SCORE_UNUSED,
                  "the score does not depend on the product of query and key")
              .help("score is the raw product: score = score * scale + ..."));
    } else if (!mentions(List.of(score), e -> e instanceof Expr.Scale)) {
      problems.add(
          Diagnostic.at(
                  at,
                  Code.SCALE_UNUSED,
                  "the score does not use scale, so a launch's scale has no effect")
              .help("write score * scale; scale is 1/sqrt(Dqk) unless given at launch"));
    }
  }

  private void local(Span at, String name, Optional<Binding> binding) {
    if (binding.isPresent() && !elaborator.used(binding.get())) {
      unused(at, "'%s' is never used".formatted(name));
    }
  }

  private void unused(Span at, String message) {
    problems.add(Diagnostic.at(at, Code.UNUSED, message).help("remove it, or use it"));
  }

  private static List<Expr> roots(AttentionSpec spec) {
    List<Expr> roots = new ArrayList<>(List.of(spec.score().expr(), spec.mask().expr()));
    switch (spec.normalization()) {
      case Normalization.Softmax s -> s.sink().ifPresent(c -> roots.add(c.expr()));
      case Normalization.Weight w -> roots.add(w.weight().expr());
    }
    spec.tensors().forEach(t -> roots.addAll(t.shape()));
    return roots;
  }

  private static boolean mentions(List<Expr> roots, Predicate<Expr> wanted) {
    Set<Expr> seen = Collections.newSetFromMap(new IdentityHashMap<>());
    return roots.stream().anyMatch(r -> mentions(r, wanted, seen));
  }

  private static boolean mentions(Expr e, Predicate<Expr> wanted, Set<Expr> seen) {
    return seen.add(e)
        && (wanted.test(e)
            || Exprs.children(e).stream().anyMatch(part -> mentions(part, wanted, seen)));
  }
}
