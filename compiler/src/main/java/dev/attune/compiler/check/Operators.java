package dev.attune.compiler.check;

import dev.attune.compiler.spec.BinaryOp;
import dev.attune.compiler.spec.CompareOp;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Expr.Binary;
import dev.attune.compiler.spec.Expr.Compare;
import dev.attune.compiler.spec.Expr.Select;
import dev.attune.compiler.spec.Expr.Unary;
import dev.attune.compiler.spec.ScalarType;
import dev.attune.compiler.spec.UnaryOp;
import dev.attune.dsl.diagnostic.Code;
import dev.attune.dsl.diagnostic.Diagnostic;
import dev.attune.dsl.diagnostic.Span;
import dev.attune.dsl.syntax.Expression;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/** The types and meaning of operators and of the language's own functions. */
final class Operators {
  private final Problems problems;
  private final Ranges ranges;
  private final Budget budget;

  Operators(Problems problems, Ranges ranges, Budget budget) {
    this.problems = problems;
    this.ranges = ranges;
    this.budget = budget;
  }

  /** The expression as a value of a type: unchanged, or an int made float. */
  Optional<Expr> coerce(Expr e, ScalarType wanted, Span span, Env env, String what) {
    if (e.type() == wanted) {
      return Optional.of(e);
    }
    if (wanted == ScalarType.FLOAT && e.type() == ScalarType.INT) {
      return Optional.of(Types.toFloat(e));
    }
    Diagnostic problem =
        Diagnostic.at(
                span,
                Code.TYPE_MISMATCH,
                "%s must be %s, found %s".formatted(what, Types.a(wanted), Types.a(e.type())))
            .label("this is " + Types.a(e.type()));
    if (wanted == ScalarType.INT && e.type() == ScalarType.FLOAT) {
      problem = problem.help("int(x) drops the fraction of a float");
    } else if (wanted == ScalarType.BOOL) {
      problem = problem.help("compare it with something, for example x != 0");
    } else if (e.type() == ScalarType.BOOL) {
      problem = problem.help("choose numbers with if c then 1 else 0");
    }
    problems.add(env, problem);
    return Optional.empty();
  }

  /** The expression, which must be an int or a float. */
  Optional<Expr> number(Expr e, Span span, Env env, String what) {
    if (e.type() != ScalarType.BOOL) {
      return Optional.of(e);
    }
    problems.add(
        env,
        Diagnostic.at(span, Code.TYPE_MISMATCH, what + " must be a number, found a bool")
            .label("this is a bool")
            .help("choose numbers with if c then 1 else 0"));
    return Optional.empty();
  }

  Optional<Expr> prefix(Expression.Prefix p, Expr x, Env env) {
    Span span = p.operand().span();
    String what = "the operand of " + p.operator();
    Optional<Expr> operand =
        switch (p.operator()) {
          case "not" -> coerce(x, ScalarType.BOOL, span, env, what);
          case "~" -> coerce(x, ScalarType.INT, span, env, what);
          default -> number(x, span, env, what);
        };
    UnaryOp op =
        switch (p.operator()) {
          case "not" -> UnaryOp.NOT;
          case "~" -> UnaryOp.BIT_NOT;
          default -> UnaryOp.NEG;
        };
    return operand.flatMap(o -> finish(new Unary(op, o), p.span(), env));
  }

  Optional<Expr> infix(Expression.Infix i, Expr left, Expr right, Env env) {
    BinaryOp op = operation(i.operator());
    Optional<ScalarType> type =
        switch (op) {
          case AND, OR -> Optional.of(ScalarType.BOOL);
          case DIV -> Optional.of(ScalarType.FLOAT);
          case FLOOR_DIV, FLOOR_MOD, BIT_AND, BIT_OR, BIT_XOR, SHL, SHR ->
              Optional.of(ScalarType.INT);
          case ADD, SUB, MUL, MIN, MAX, POW -> Optional.empty();
        };
    String leftWhat = "the left side of " + i.operator();
    String rightWhat = "the right side of " + i.operator();
    Optional<Expr> a;
    Optional<Expr> b;
    if (type.isPresent()) {
      a = coerce(left, type.get(), i.left().span(), env, leftWhat);
      b = coerce(right, type.get(), i.right().span(), env, rightWhat);
    } else {
      a = number(left, i.left().span(), env, leftWhat);
      b = number(right, i.right().span(), env, rightWhat);
      if (left.type() != right.type()) {
        a = a.map(Types::toFloat);
        b = b.map(Types::toFloat);
      }
    }
    if (a.isEmpty() || b.isEmpty()) {
      return Optional.empty();
    }
    boolean divides = op == BinaryOp.DIV || op == BinaryOp.FLOOR_DIV || op == BinaryOp.FLOOR_MOD;
    if (divides && Constants.isConstant(b.get()) && Constants.number(b.get()) == 0) {
      problems.add(
          env,
          Diagnostic.at(i.right().span(), Code.DIVISION_BY_ZERO, "this divides by zero")
              .label("always 0"));
      return Optional.empty();
    }
    return finish(new Binary(op, a.get(), b.get()), i.span(), env);
  }

  private static BinaryOp operation(String operator) {
    return switch (operator) {
      case "+" -> BinaryOp.ADD;
      case "-" -> BinaryOp.SUB;
      case "*" -> BinaryOp.MUL;
      case "/" -> BinaryOp.DIV;
      case "//" -> BinaryOp.FLOOR_DIV;
      case "%" -> BinaryOp.FLOOR_MOD;
      case "&" -> BinaryOp.BIT_AND;
      case "|" -> BinaryOp.BIT_OR;
      case "^" -> BinaryOp.BIT_XOR;
      case "<<" -> BinaryOp.SHL;
      case ">>" -> BinaryOp.SHR;
      case "and" -> BinaryOp.AND;
      case "or" -> BinaryOp.OR;
      default -> throw new IllegalArgumentException("operator " + operator);
    };
  }

  Optional<Expr> and(Span span, Expr a, Expr b, Env env) {
    return finish(new Binary(BinaryOp.AND, a, b), span, env);
  }

  /** The comparison by the {@code index}-th operator of a chain. */
  Optional<Expr> compare(Expression.Comparison c, int index, Expr left, Expr right, Env env) {
    String operator = c.operators().get(index);
    CompareOp op =
        Arrays.stream(CompareOp.values())
            .filter(o -> o.symbol().equals(operator))
            .findFirst()
            .orElseThrow();
    Span leftSpan = c.operands().get(index).span();
    Span rightSpan = c.operands().get(index + 1).span();
    boolean bools = left.type() == ScalarType.BOOL || right.type() == ScalarType.BOOL;
    boolean equality = op == CompareOp.EQ || op == CompareOp.NE;
    if (bools && !(equality && left.type() == right.type())) {
      boolean both = left.type() == right.type();
      problems.add(
          env,
          Diagnostic.at(
                  c.operatorSpans().get(index),
                  Code.TYPE_MISMATCH,
                  both
                      ? "%s does not order bools".formatted(operator)
                      : "%s compares %s with %s"
                          .formatted(operator, Types.a(left.type()), Types.a(right.type())))
              .also(leftSpan, Types.a(left.type()))
              .also(rightSpan, Types.a(right.type())));
      return Optional.empty();
    }
    boolean mixed = left.type() != right.type();
    Expr a = mixed ? Types.toFloat(left) : left;
    Expr b = mixed ? Types.toFloat(right) : right;
    Span span = leftSpan.to(rightSpan);
    if (env.via().isEmpty() && !env.generic() && !env.moved()) {
      Truth truth = ranges.compare(op, left.type() == right.type() ? left : a, b);
      if (truth != Truth.MAYBE) {
        problems.add(
            env,
            Diagnostic.at(
                    span,
                    Code.CONSTANT_COMPARISON,
                    "this comparison is always " + (truth == Truth.ALWAYS ? "true" : "false"))
                .help("remove it, or compare with what was meant"));
        return Optional.empty();
      }
    }
    return finish(new Compare(op, a, b), span, env);
  }

  Optional<Expr> select(
      Expression.Conditional c, Expr condition, Expr then, Expr otherwise, Env env) {
    boolean mixed = then.type() != otherwise.type();
    if (mixed && (then.type() == ScalarType.BOOL || otherwise.type() == ScalarType.BOOL)) {
      problems.add(
          env,
          Diagnostic.at(
                  c.otherwise().span(),
                  Code.TYPE_MISMATCH,
                  "both branches of an if must have one type, found %s and %s"
                      .formatted(then.type().keyword(), otherwise.type().keyword()))
              .label(Types.a(otherwise.type()))
              .also(c.then().span(), Types.a(then.type())));
      return Optional.empty();
    }
    Expr a = mixed ? Types.toFloat(then) : then;
    Expr b = mixed ? Types.toFloat(otherwise) : otherwise;
    return finish(new Select(condition, a, b), c.span(), env);
  }

  Optional<Expr> builtin(Builtin f, Expression.Call call, List<Expr> arguments, Env env) {
    Span first = call.arguments().getFirst().span();
    String what = "the argument of " + f.word();
    return switch (f) {
      case INT ->
          arguments.getFirst().type() == ScalarType.INT
              ? Optional.of(arguments.getFirst())
              : coerce(arguments.getFirst(), ScalarType.FLOAT, first, env, what)
                  .flatMap(x -> finish(new Unary(UnaryOp.TO_INT, x), call.span(), env));
      case FLOAT -> coerce(arguments.getFirst(), ScalarType.FLOAT, first, env, what);
      case ABS ->
          number(arguments.getFirst(), first, env, what)
              .flatMap(x -> finish(new Unary(UnaryOp.ABS, x), call.span(), env));
      case MIN -> numbers(call, arguments, env).flatMap(a -> both(BinaryOp.MIN, a, call, env));
      case MAX -> numbers(call, arguments, env).flatMap(a -> both(BinaryOp.MAX, a, call, env));
      case CLAMP -> clamp(call, arguments, env);
      case POW -> {
        Optional<Expr> x =
            coerce(arguments.get(0), ScalarType.FLOAT, first, env, "the base of pow");
        Optional<Expr> y =
            coerce(
                arguments.get(1),
                ScalarType.FLOAT,
                call.arguments().get(1).span(),
                env,
                "the exponent of pow");
        yield x.flatMap(
            a -> y.flatMap(b -> finish(new Binary(BinaryOp.POW, a, b), call.span(), env)));
      }
      case EXP, EXP2, LOG, LOG2, SQRT, RSQRT, TANH, FAST_TANH, ERF, SIN, COS ->
          coerce(arguments.getFirst(), ScalarType.FLOAT, first, env, what)
              .flatMap(x -> finish(new Unary(f.real().orElseThrow(), x), call.span(), env));
    };
  }

  private Optional<Expr> both(BinaryOp op, List<Expr> args, Expression.Call call, Env env) {
    return finish(new Binary(op, args.get(0), args.get(1)), call.span(), env);
  }

  private Optional<Expr> clamp(Expression.Call call, List<Expr> arguments, Env env) {
    return numbers(call, arguments, env)
        .flatMap(
            a ->
                finish(new Binary(BinaryOp.MAX, a.get(0), a.get(1)), call.span(), env)
                    .flatMap(
                        low -> finish(new Binary(BinaryOp.MIN, low, a.get(2)), call.span(), env)));
  }

  /** The arguments as numbers of one type. */
  private Optional<List<Expr>> numbers(Expression.Call call, List<Expr> arguments, Env env) {
    boolean ok = true;
    boolean ints = true;
    for (int i = 0; i < arguments.size(); i++) {
      Span span = call.arguments().get(i).span();
      String what = "an argument of " + call.function().text();
      ok &= number(arguments.get(i), span, env, what).isPresent();
      ints &= arguments.get(i).type() == ScalarType.INT;
    }
    if (!ok) {
      return Optional.empty();
    }
    return Optional.of(ints ? arguments : arguments.stream().map(Types::toFloat).toList());
  }

  /** A new node: computed if its parts are literals, within 64 bits and the size limits. */
  Optional<Expr> finish(Expr made, Span span, Env env) {
    if (made.type() == ScalarType.INT
        && !env.generic()
        && ranges.of(made).magnitude() > Budget.INT_LIMIT) {
      problems.add(
          env,
          Diagnostic.at(span, Code.INT_OVERFLOW, "this int could leave 64 bits")
              .label("up to about %s in magnitude".formatted(power(ranges.of(made).magnitude())))
              .help("compute with floats, or bound the parts: min, clamp, a where on a parameter"));
      return Optional.empty();
    }
    return budget.charge(Constants.fold(made), span, env);
  }

  private static String power(double magnitude) {
    return "2^" + Math.getExponent(magnitude);
  }
}
