package dev.attune.compiler.check;

import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.ParamDecl.Range;
import dev.attune.compiler.spec.ScalarType;
import dev.attune.compiler.spec.TensorDecl;
import dev.attune.dsl.diagnostic.Code;
import dev.attune.dsl.diagnostic.Diagnostic;
import dev.attune.dsl.syntax.Expression;
import dev.attune.dsl.syntax.Member;
import dev.attune.dsl.syntax.Member.Fact;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Checks the shape and the facts of a captured tensor. */
final class TensorChecker {
  /** Dimensions a tensor may have. */
  static final int MAX_RANK = 8;

  private final Problems problems;
  private final Elaborator elaborator;
  private final Ranges ranges;

  TensorChecker(Problems problems, Elaborator elaborator, Ranges ranges) {
    this.problems = problems;
    this.elaborator = elaborator;
    this.ranges = ranges;
  }

  /** The declaration, or empty where it has an error. */
  Optional<TensorDecl> check(Member.Tensor tensor, Scope scope) {
    int before = problems.errors();
    ScalarType type = Types.of(tensor.type());
    String name = tensor.name().text();
    List<Expr> shape = new ArrayList<>();
    for (Expression extent : tensor.shape()) {
      elaborator
          .elaborate(extent, ScalarType.INT, Env.of(scope, Place.SHAPE), "an extent of a tensor")
          .filter(e -> positive(e, extent))
          .ifPresent(shape::add);
    }
    if (tensor.shape().size() > MAX_RANK) {
      bad(
          tensor,
          "a tensor has at most %d dimensions, '%s' has %d"
              .formatted(MAX_RANK, name, tensor.shape().size()));
    }
    boolean nondecreasing = false;
    Optional<Range> range = Optional.empty();
    for (Fact fact : tensor.facts()) {
      switch (fact) {
        case Fact.Nondecreasing n -> {
          if (nondecreasing) {
            repeated(n);
          }
          nondecreasing = true;
          if (type == ScalarType.BOOL) {
            problems.add(
                Diagnostic.at(
                    n.span(), Code.BAD_TENSOR, "bools have no order to be nondecreasing in"));
          }
        }
        case Fact.In in -> {
          if (range.isPresent()) {
            repeated(in);
          }
          range = range(in, type, scope).or(() -> Optional.of(new Range(0, 0)));
        }
      }
    }
    if (tensor.differentiable() && type != ScalarType.FLOAT) {
      bad(
          tensor,
          "only a float tensor is differentiable, '%s' is %s".formatted(name, Types.a(type)));
    }
    if (problems.errors() > before || shape.size() != tensor.shape().size()) {
      return Optional.empty();
    }
    return Optional.of(
        new TensorDecl(
            name,
            type,
            shape,
            nondecreasing,
            range,
            tensor.differentiable(),
            Origins.of(tensor.span())));
  }

  private boolean positive(Expr extent, Expression text) {
    if (ranges.of(extent).high() >= 1) {
      return true;
    }
    problems.add(
        Diagnostic.at(text.span(), Code.BAD_TENSOR, "an extent must be at least 1, this never is"));
    return false;
  }

  private Optional<Range> range(Fact.In in, ScalarType type, Scope scope) {
    if (type == ScalarType.BOOL) {
      problems.add(Diagnostic.at(in.span(), Code.BAD_TENSOR, "bools have no range"));
      return Optional.empty();
    }
    Optional<Double> low = bound(in.low(), type, scope);
    Optional<Double> high = bound(in.high(), type, scope);
    if (low.isEmpty() || high.isEmpty()) {
      return Optional.empty();
    }
    if (low.get() > high.get()) {
      problems.add(
          Diagnostic.at(in.span(), Code.BAD_TENSOR, "no value is in this range")
              .help("write the smaller bound first; both are included"));
      return Optional.empty();
    }
    return Optional.of(new Range(low.get(), high.get()));
  }

  private Optional<Double> bound(Expression e, ScalarType type, Scope scope) {
    Optional<Expr> value =
        elaborator.elaborate(e, type, Env.of(scope, Place.CONSTANT), "a bound of the values");
    if (value.isPresent() && !Constants.isConstant(value.get())) {
      problems.add(Diagnostic.at(e.span(), Code.NOT_CONSTANT, "this is not known at compile time"));
      return Optional.empty();
    }
    return value.map(Constants::number);
  }

  private void repeated(Fact fact) {
    problems.add(Diagnostic.at(fact.span(), Code.BAD_TENSOR, "this is stated twice"));
  }

  private void bad(Member.Tensor tensor, String message) {
    problems.add(Diagnostic.at(tensor.name().span(), Code.BAD_TENSOR, message));
  }
}
