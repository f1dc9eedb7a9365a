package dev.attune.compiler.check;

import dev.attune.compiler.spec.BinaryOp;
import dev.attune.compiler.spec.Clause;
import dev.attune.compiler.spec.CompareOp;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Expr.Binary;
import dev.attune.compiler.spec.Expr.BoolConst;
import dev.attune.compiler.spec.Expr.Compare;
import dev.attune.compiler.spec.Expr.Param;
import dev.attune.compiler.spec.ParamDecl;
import dev.attune.compiler.spec.ParamDecl.Range;
import dev.attune.compiler.spec.ScalarType;
import dev.attune.compiler.spec.UnaryOp;
import dev.attune.dsl.diagnostic.Code;
import dev.attune.dsl.diagnostic.Diagnostic;
import dev.attune.dsl.syntax.Expression;
import dev.attune.dsl.syntax.Member;
import java.util.Map;
import java.util.Optional;

/** Checks a parameter's default and condition, and derives the range the condition admits. */
final class ParamChecker {
  private final Problems problems;
  private final Elaborator elaborator;

  ParamChecker(Problems problems, Elaborator elaborator) {
    this.problems = problems;
    this.elaborator = elaborator;
  }

  /** The declaration, or empty where it has an error. */
  Optional<ParamDecl> check(Member.Param param, Scope scope) {
    ScalarType type = Types.of(param.type());
    String name = param.name().text();
    Optional<Expr> value = defaultValue(param, type, scope);
    Optional<Clause> condition = Optional.empty();
    Range range = everything(type);
    if (param.condition().isPresent()) {
      Optional<Expr> checked = condition(param, type, scope, param.condition().get());
      if (checked.isEmpty()) {
        return Optional.empty();
      }
      Expr expr = checked.get();
      condition = Optional.of(new Clause(expr, Origins.of(param.condition().get().span())));
      range = narrow(range, expr, type);
      if (range.low() > range.high()) {
        problems.add(
            Diagnostic.at(
                    param.condition().get().span(),
                    Code.BAD_CONDITION,
                    "no value of '%s' satisfies this condition".formatted(name))
                .also(param.name().span(), "the parameter"));
        return Optional.empty();
      }
    }
    if (value.isEmpty()) {
      return Optional.empty();
    }
    Expr given = value.get();
    double number = Constants.number(given);
    if (type == ScalarType.INT && Math.abs(number) > ParamDecl.INT_LIMIT) {
      problems.add(
          Diagnostic.at(
              param.defaultValue().orElseThrow().span(),
              Code.BAD_DEFAULT,
              "an int parameter is at most 2^30 in magnitude, found %s"
                  .formatted(param.defaultValue().orElseThrow().span().text())));
      return Optional.empty();
    }
    if (condition.isPresent()
        && !Constants.evaluate(condition.get().expr(), Map.of(name, number))
            .equals(new BoolConst(true))) {
      problems.add(
          Diagnostic.at(
                  param.defaultValue().orElseThrow().span(),
                  Code.BAD_DEFAULT,
                  "the default of '%s' does not satisfy its own condition".formatted(name))
              .also(param.condition().orElseThrow().span(), "the condition")
              .help("change the default, or the condition"));
      return Optional.empty();
    }
    return Optional.of(
        new ParamDecl(name, type, given, condition, range, Origins.of(param.span())));
  }

  private Optional<Expr> defaultValue(Member.Param param, ScalarType type, Scope scope) {
    if (param.defaultValue().isEmpty()) {
      problems.add(
          Diagnostic.at(
                  param.name().span(),
                  Code.BAD_DEFAULT,
                  "the parameter '%s' has no default".formatted(param.name().text()))
              .help(
                  "write one, for example: param %s : %s = %s"
                      .formatted(
                          param.name().text(),
                          type.keyword(),
                          switch (type) {
                            case INT -> "128";
                            case FLOAT -> "1.0";
                            case BOOL -> "true";
                          })));
      return Optional.empty();
    }
    Expression text = param.defaultValue().get();
    Optional<Expr> value =
        elaborator.elaborate(
            text,
            type,
            Env.of(scope, Place.CONSTANT),
            "the default of '%s'".formatted(param.name().text()));
    if (value.isPresent() && !Constants.isConstant(value.get())) {
      problems.add(
          Diagnostic.at(text.span(), Code.NOT_CONSTANT, "this is not known at compile time"));
      return Optional.empty();
    }
    return value;
  }

  private Optional<Expr> condition(
      Member.Param param, ScalarType type, Scope scope, Expression text) {
    String name = param.name().text();
    Env env = Env.of(scope, Place.CONDITION).with(name, Optional.of(new Param(name, type)));
    Optional<Expr> expr =
        elaborator.elaborate(text, ScalarType.BOOL, env, "the condition of '%s'".formatted(name));
    if (expr.isPresent() && Constants.isConstant(expr.get())) {
      problems.add(
          Diagnostic.at(
                  text.span(),
                  Code.BAD_CONDITION,
                  "this condition does not depend on '%s'".formatted(name))
              .help("compare the parameter with something, for example %s >= 1".formatted(name)));
      return Optional.empty();
    }
    return expr;
  }

  private static Range everything(ScalarType type) {
    return switch (type) {
      case INT -> new Range(-ParamDecl.INT_LIMIT, ParamDecl.INT_LIMIT);
      case FLOAT -> new Range(Double.NEGATIVE_INFINITY, Double.POSITIVE_INFINITY);
      case BOOL -> new Range(0, 1);
    };
  }

  /** The part of a range that the condition can admit: exact for comparisons with constants. */
  private static Range narrow(Range range, Expr condition, ScalarType type) {
    return switch (condition) {
      case Binary(BinaryOp op, Expr a, Expr b) when op == BinaryOp.AND ->
          narrow(narrow(range, a, type), b, type);
      case Binary(BinaryOp op, Expr a, Expr b) when op == BinaryOp.OR -> {
        Range left = narrow(range, a, type);
        Range right = narrow(range, b, type);
        if (left.low() > left.high()) {
          yield right;
        }
        yield right.low() > right.high()
            ? left
            : new Range(Math.min(left.low(), right.low()), Math.max(left.high(), right.high()));
      }
      case Compare(CompareOp op, Expr a, Expr b) when parameter(a) && Constants.isConstant(b) ->
          narrow(range, op, Constants.number(b), type);
      case Compare(CompareOp op, Expr a, Expr b) when parameter(b) && Constants.isConstant(a) ->
          narrow(range, op.swapped(), Constants.number(a), type);
      case Param p -> new Range(1, range.high());
      case Expr.Unary(UnaryOp op, Param p) when op == UnaryOp.NOT -> new Range(range.low(), 0);
      default -> range;
    };
  }

  /** Whether the expression is the parameter, perhaps as a float. */
  private static boolean parameter(Expr e) {
    return e instanceof Param
        || (e instanceof Expr.Unary u && u.op() == UnaryOp.TO_FLOAT && u.x() instanceof Param);
  }

  private static Range narrow(Range range, CompareOp op, double bound, ScalarType type) {
    boolean ints = type == ScalarType.INT;
    double below = ints ? Math.ceil(bound) - 1 : Math.nextDown(bound);
    double above = ints ? Math.floor(bound) + 1 : Math.nextUp(bound);
    double atMost = ints ? Math.floor(bound) : bound;
    double atLeast = ints ? Math.ceil(bound) : bound;
    return switch (op) {
      case LT -> new Range(range.low(), Math.min(range.high(), below));
      case LE -> new Range(range.low(), Math.min(range.high(), atMost));
      case GT -> new Range(Math.max(range.low(), above), range.high());
      case GE -> new Range(Math.max(range.low(), atLeast), range.high());
      case EQ -> new Range(Math.max(range.low(), atLeast), Math.min(range.high(), atMost));
      case NE -> range;
    };
  }
}
