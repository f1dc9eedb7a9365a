package dev.attune.compiler.check;

import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Expr.At;
import dev.attune.compiler.spec.Expr.IntConst;
import dev.attune.compiler.spec.Expr.Reduce;
import dev.attune.compiler.spec.Expr.Score;
import dev.attune.compiler.spec.Expr.Size;
import dev.attune.compiler.spec.Position;
import dev.attune.compiler.spec.ReduceOp;
import dev.attune.compiler.spec.ScalarType;
import dev.attune.compiler.spec.TensorDecl;
import dev.attune.dsl.diagnostic.Code;
import dev.attune.dsl.diagnostic.Diagnostic;
import dev.attune.dsl.diagnostic.Help;
import dev.attune.dsl.diagnostic.Nearest;
import dev.attune.dsl.diagnostic.Span;
import dev.attune.dsl.syntax.Expression;
import dev.attune.dsl.syntax.Item;
import dev.attune.dsl.syntax.Name;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Gives expressions their meaning: names resolved, lets and defs put in place, types checked. An
 * empty result means that what is wrong has been reported.
 */
final class Elaborator {
  /** Steps one file may take: nested definitions can multiply without growing the result. */
  private static final int STEPS = 50_000;

  private final Problems problems;
  private final Ranges ranges;
  private final Operators operators;
  private final Indexing indexing;
  private final Budget budget;
  private final Moves moves;
  private final Set<Item> inProgress = new LinkedHashSet<>();
  private final Set<Binding> used = Collections.newSetFromMap(new IdentityHashMap<>());
  private int variables;
  private int steps;

  Elaborator(Problems problems, Ranges ranges) {
    this.problems = problems;
    this.ranges = ranges;
    this.budget = new Budget(problems);
    this.operators = new Operators(problems, ranges, budget);
    this.indexing = new Indexing(problems, ranges);
    this.moves = new Moves(problems, operators, this::variable);
  }

  /** Whether some expression so far names the binding. */
  boolean used(Binding binding) {
    return used.contains(binding);
  }

  /** The text of a definition by itself; a use of it within is a recursion. */
  Optional<Expr> definition(Item definition, Expression text, Env env) {
    inProgress.add(definition);
    try {
      return elaborate(text, env);
    } finally {
      inProgress.remove(definition);
    }
  }

  /** A node over elaborated parts: computed if they are literals, within the size limits. */
  Optional<Expr> finish(Expr made, Span span, Env env) {
    return operators.finish(made, span, env);
  }

  /** The expression as a value of a type. */
  Optional<Expr> coerce(Expr e, ScalarType wanted, Span span, Env env, String what) {
    return operators.coerce(e, wanted, span, env, what);
  }

  /** The expression, which must be of the type or an int where a float is wanted. */
  Optional<Expr> elaborate(Expression e, ScalarType wanted, Env env, String what) {
    return elaborate(e, env).flatMap(x -> operators.coerce(x, wanted, e.span(), env, what));
  }

  /** The expression, of whatever type. */
  Optional<Expr> elaborate(Expression e, Env env) {
    if (++steps > STEPS) {
      if (steps == STEPS + 1) {
        report(
            env,
            Diagnostic.at(
                e.span(),
                Code.TOO_COMPLEX,
                "putting the definitions in place of their names takes more than %d steps"
                    .formatted(STEPS)));
      }
      return Optional.empty();
    }
    return switch (e) {
      case Expression.IntLiteral(long value, Span span) -> Optional.of(new IntConst(value));
      case Expression.FloatLiteral(double value, Span span) ->
          Optional.of(new Expr.FloatConst(value));
      case Expression.BoolLiteral(boolean value, Span span) ->
          Optional.of(new Expr.BoolConst(value));
      case Expression.Missing missing -> Optional.empty();
      case Expression.NameUse use -> name(use, env);
      case Expression.Call call -> call(call, env);
      case Expression.Index index -> index(index, env);
      case Expression.Prefix p ->
          elaborate(p.operand(), env).flatMap(x -> operators.prefix(p, x, env));
      case Expression.Infix i -> {
        Optional<Expr> left = elaborate(i.left(), env);
        Optional<Expr> right = elaborate(i.right(), env);
        yield left.flatMap(l -> right.flatMap(r -> operators.infix(i, l, r, env)));
      }
      case Expression.Comparison c -> comparison(c, env);
      case Expression.Conditional c -> {
        Optional<Expr> condition =
            elaborate(c.condition(), ScalarType.BOOL, env, "the condition of an if");
        Optional<Expr> then = elaborate(c.then(), env);
        Optional<Expr> otherwise = elaborate(c.otherwise(), env);
        yield condition.flatMap(
            x -> then.flatMap(y -> otherwise.flatMap(z -> operators.select(c, x, y, z, env))));
      }
      case Expression.Reduction r -> reduction(r, env);
      case Expression.Moved m -> moved(m, env);
    };
  }

  private Optional<Expr> comparison(Expression.Comparison c, Env env) {
    List<Optional<Expr>> operands =
        c.operands().stream().map(operand -> elaborate(operand, env)).toList();
    Optional<Expr> all = Optional.empty();
    for (int i = 0; i < c.operators().size(); i++) {
      Optional<Expr> left = operands.get(i);
      Optional<Expr> right = operands.get(i + 1);
      if (left.isEmpty() || right.isEmpty()) {
        return Optional.empty();
      }
      Optional<Expr> one = operators.compare(c, i, left.get(), right.get(), env);
      if (one.isEmpty()) {
        return Optional.empty();
      }
      all = i == 0 ? one : operators.and(c.span(), all.get(), one.get(), env);
      if (all.isEmpty()) {
        return Optional.empty();
      }
    }
    return all;
  }

  private Optional<Expr> name(Expression.NameUse use, Env env) {
    String text = use.name().text();
    if (env.locals().containsKey(text)) {
      return env.locals().get(text);
    }
    Optional<Binding> found = env.scope().value(text);
    if (found.isEmpty()) {
      Diagnostic problem = unknown(use.name(), env.scope().valueNames(), env);
      if (env.scope().function(text).isPresent()) {
        problem =
            Diagnostic.at(
                    use.span(), Code.WRONG_USE, "'%s' is a function, not a value".formatted(text))
                .help("call it with its arguments in parentheses: %s(...)".formatted(text));
      }
      report(env, problem);
      return Optional.empty();
    }
    used.add(found.get());
    return switch (found.get()) {
      case Binding.Given(Expr expr) -> given(expr, use, env);
      case Binding.Constant c -> Optional.of(c.value());
      case Binding.Param p -> param(p, use, env);
      case Binding.Let let -> let(let, use, env);
      case Binding.Tensor t -> {
        report(
            env,
            Diagnostic.at(
                    use.span(),
                    Code.WRONG_USE,
                    "'%s' is a tensor; an expression needs one element of it".formatted(text))
                .help("index it: " + example(t.decl())));
        yield Optional.empty();
      }
      case Binding.Failed f -> Optional.empty();
      case Binding.Primitive f -> throw new AssertionError(f);
      case Binding.Def f -> throw new AssertionError(f);
    };
  }

  private static String example(TensorDecl tensor) {
    List<String> indices =
        tensor.shape().stream()
            .map(
                s -> {
                  for (Position p : Position.values()) {
                    if (s.equals(new Size(Affine.size(p)))) {
                      return p.keyword();
                    }
                  }
                  return "i";
                })
            .toList();
    return "%s[%s]".formatted(tensor.name(), String.join(", ", indices));
  }

  private Optional<Expr> given(Expr expr, Expression.NameUse use, Env env) {
    Place place = env.place();
    boolean allowed =
        switch (expr) {
          case Score s -> place.hasScore();
          case At(Position p) -> p == Position.KV ? place.hasKey() : place.hasRow();
          case Size s -> place.hasSizes();
          default -> place.hasRow();
        };
    if (allowed) {
      return Optional.of(expr);
    }
    String text = use.name().text();
    Diagnostic problem =
        Diagnostic.at(
            use.span(),
            Code.OUT_OF_PLACE,
            "'%s' cannot be used in %s".formatted(text, place.words()));
    problem =
        switch (place) {
          case MASK -> problem.help("a mask decides by positions, parameters and tensors only");
          case SINK ->
              problem.note(
                  "a sink is one logit per query row: it may use b, h, hkv, q, parameters and"
                      + " tensors");
          case SHAPE -> problem.note("a shape is made of sizes, constants and int parameters");
          case CONDITION -> problem.note("a condition is about its own parameter and constants");
          case CONSTANT -> problem.note("a constant is known before any launch");
          default -> problem;
        };
    report(env, problem);
    return Optional.empty();
  }

  private Optional<Expr> param(Binding.Param p, Expression.NameUse use, Env env) {
    Place place = env.place();
    if (place == Place.CONSTANT || place == Place.CONDITION) {
      report(
          env,
          Diagnostic.at(
                  use.span(),
                  Code.NOT_CONSTANT,
                  "the parameter '%s' cannot be used in %s"
                      .formatted(p.decl().name(), place.words()))
              .also(p.at(), "its value is given at launch")
              .help("declare it with const if it never changes"));
      return Optional.empty();
    }
    return Optional.of(new Expr.Param(p.decl().name(), p.decl().type()));
  }

  private Optional<Expr> let(Binding.Let let, Expression.NameUse use, Env env) {
    if (problems.failed(let.syntax()) || recursive(let.syntax(), use.name(), env)) {
      return Optional.empty();
    }
    inProgress.add(let.syntax());
    try {
      return elaborate(let.syntax().value(), env.into(let.scope(), Map.of(), use.span()));
    } finally {
      inProgress.remove(let.syntax());
    }
  }

  private boolean recursive(Item definition, Name use, Env env) {
    if (!inProgress.contains(definition)) {
      return false;
    }
    report(
        env,
        Diagnostic.at(
                use.span(),
                Code.RECURSIVE_DEFINITION,
                "'%s' is defined in terms of itself".formatted(use.text()))
            .also(definition.span(), "the definition")
            .note("every definition is put in place of its name, so none may lead back to itself"));
    return true;
  }

  private Optional<Expr> call(Expression.Call call, Env env) {
    String text = call.function().text();
    List<Optional<Expr>> arguments = call.arguments().stream().map(a -> elaborate(a, env)).toList();
    Optional<Binding> found = env.scope().function(text);
    if (found.isEmpty()) {
      if (env.locals().containsKey(text) || env.scope().value(text).isPresent()) {
        Diagnostic problem =
            Diagnostic.at(
                call.function().span(),
                Code.WRONG_USE,
                "'%s' is a value, not a function".formatted(text));
        boolean tensor = env.scope().value(text).orElseThrow() instanceof Binding.Tensor;
        report(
            env,
            problem.help(tensor ? "index a tensor with brackets" : "write it without parentheses"));
      } else {
        report(env, unknown(call.function(), env.scope().functionNames(), env));
      }
      return Optional.empty();
    }
    used.add(found.get());
    return switch (found.get()) {
      case Binding.Primitive(Builtin builtin) ->
          countMatches(call, builtin.arity(), env) && inPlace(builtin, call, env)
              ? all(arguments).flatMap(a -> operators.builtin(builtin, call, a, env))
              : Optional.empty();
      case Binding.Def def -> apply(def, call, arguments, env);
      default -> Optional.empty();
    };
  }

  /** A small error of a score is a small error; of a mask it would be a whole key. */
  private boolean inPlace(Builtin builtin, Expression.Call call, Env env) {
    if (builtin != Builtin.FAST_TANH || env.place().hasScore()) {
      return true;
    }
    report(
        env,
        Diagnostic.at(
                call.function().span(),
                Code.OUT_OF_PLACE,
                "'fast_tanh' cannot be used in %s".formatted(env.place().words()))
            .note("its error of up to 2^-11 is meant for scores and weights")
            .help("write tanh"));
    return false;
  }

  private boolean countMatches(Expression.Call call, int wanted, Env env) {
    int given = call.arguments().size();
    if (given == wanted) {
      return true;
    }
    report(
        env,
        Diagnostic.at(
            call.span(),
            Code.ARGUMENT_COUNT,
            "%s takes %s, found %d"
                .formatted(call.function().text(), count(wanted, "argument"), given)));
    return false;
  }

  private Optional<Expr> apply(
      Binding.Def def, Expression.Call call, List<Optional<Expr>> arguments, Env env) {
    Item.Def syntax = def.syntax();
    if (call.arguments().size() != syntax.formals().size()) {
      List<String> formals = syntax.formals().stream().map(f -> f.name().text()).toList();
      report(
          env,
          Diagnostic.at(
                  call.span(),
                  Code.ARGUMENT_COUNT,
                  "%s takes %s, found %d"
                      .formatted(
                          call.function().text(),
                          count(formals.size(), "argument"),
                          arguments.size()))
              .help("write %s(%s)".formatted(syntax.name().text(), String.join(", ", formals))));
      return Optional.empty();
    }
    Map<String, Optional<Expr>> locals = new LinkedHashMap<>();
    for (int i = 0; i < arguments.size(); i++) {
      Item.Formal formal = syntax.formals().get(i);
      Span at = call.arguments().get(i).span();
      String what = "argument '%s' of %s".formatted(formal.name().text(), syntax.name().text());
      locals.put(
          formal.name().text(),
          arguments
              .get(i)
              .flatMap(a -> operators.coerce(a, Types.of(formal.type()), at, env, what)));
    }
    if (problems.failed(syntax) || recursive(syntax, call.function(), env)) {
      return Optional.empty();
    }
    if (StandardLibrary.isSoftcap(syntax) && !softcapAllowed(call, locals, env)) {
      return Optional.empty();
    }
    inProgress.add(syntax);
    try {
      Env body = env.into(def.scope(), locals, call.span());
      return syntax.result().isPresent()
          ? elaborate(
              syntax.body(),
              Types.of(syntax.result().get()),
              body,
              "the result of " + syntax.name().text())
          : elaborate(syntax.body(), body);
    } finally {
      inProgress.remove(syntax);
    }
  }

  private boolean softcapAllowed(
      Expression.Call call, Map<String, Optional<Expr>> locals, Env env) {
    Optional<Expr> cap = locals.get("cap");
    if (cap == null || cap.isEmpty() || ranges.of(cap.get()).high() > 0) {
      return true;
    }
    String name = call.function().text();
    report(
        env,
        Diagnostic.at(
                call.arguments().get(1).span(),
                Code.BAD_SOFTCAP,
                "the cap of %s must be greater than zero".formatted(name))
            .label("never above zero")
            .also(call.function().span(), "%s(x, cap) is cap * tanh(x / cap)".formatted(name))
            .help(
                "remove the %1$s, or write the cap of your model, for example %1$s(score * scale,"
                        .formatted(name)
                    + " 50.0)"));
    return false;
  }

  private Optional<Expr> index(Expression.Index index, Env env) {
    String text = index.tensor().text();
    List<Optional<Expr>> indices = new ArrayList<>();
    for (Expression i : index.indices()) {
      indices.add(elaborate(i, ScalarType.INT, env, "an index"));
    }
    Optional<Binding> found =
        env.locals().containsKey(text) ? Optional.empty() : env.scope().value(text);
    if (found.isPresent() && found.get() instanceof Binding.Failed) {
      return Optional.empty();
    }
    if (!(found.isPresent() && found.get() instanceof Binding.Tensor tensor)) {
      boolean known = env.locals().containsKey(text) || found.isPresent();
      report(
          env,
          known
              ? Diagnostic.at(
                      index.tensor().span(),
                      Code.WRONG_USE,
                      "'%s' is not a tensor and has no elements".formatted(text))
                  .help(
                      "remove the brackets, or declare it: tensor %s : float[Skv]".formatted(text))
              : unknown(index.tensor(), env.scope().valueNames(), env));
      return Optional.empty();
    }
    used.add(tensor);
    if (!env.place().hasRow()) {
      report(
          env,
          Diagnostic.at(
              index.span(),
              Code.OUT_OF_PLACE,
              "the tensor '%s' cannot be used in %s".formatted(text, env.place().words())));
      return Optional.empty();
    }
    int rank = tensor.decl().shape().size();
    if (rank != indices.size()) {
      report(
          env,
          Diagnostic.at(
                  index.span(),
                  Code.INDEX_COUNT,
                  "'%s' has %s, found %s"
                      .formatted(
                          text,
                          count(rank, "dimension"),
                          counted(indices.size(), "index", "indices")))
              .also(tensor.at(), "declared here")
              .help("write " + example(tensor.decl())));
      return Optional.empty();
    }
    Optional<List<Expr>> all = all(indices);
    if (all.isEmpty() || !indexing.inside(index, tensor, all.get(), env)) {
      return Optional.empty();
    }
    return budget.charge(
        new Expr.Gather(tensor.decl().name(), tensor.decl().type(), all.get()), index.span(), env);
  }

  private Optional<Expr> reduction(Expression.Reduction r, Env env) {
    Optional<Long> low = bound(r.low(), env);
    Optional<Long> high = bound(r.high(), env);
    Expr.Var variable = variable(low.orElse(0L), high.orElse(1L));
    String name = r.variable().text();
    if (env.locals().containsKey(name) || env.scope().value(name).isPresent()) {
      report(
          env,
          Diagnostic.at(
                  r.variable().span(),
                  Code.SHADOWED_NAME,
                  "'%s' already has a meaning here".formatted(name))
              .help("give the variable another name, for example i"));
      return Optional.empty();
    }
    Env inside = env.with(name, Optional.of(variable));
    String what = r.any() ? "the condition of any" : "a term of sum";
    Optional<Expr> body =
        r.any()
            ? elaborate(r.body(), ScalarType.BOOL, inside, what)
            : elaborate(r.body(), inside)
                .flatMap(x -> operators.number(x, r.body().span(), env, what));
    if (low.isEmpty() || high.isEmpty() || body.isEmpty()) {
      return Optional.empty();
    }
    // Both bounds are within ±2⁶², so the difference is exact.
    long terms = high.get() - low.get();
    if (terms > Reduce.MAX_TRIPS) {
      report(
          env,
          Diagnostic.at(
                  r.low().span().to(r.high().span()),
                  Code.REDUCTION_TOO_LONG,
                  "the reduction has %d terms, at most %d are allowed"
                      .formatted(terms, Reduce.MAX_TRIPS))
              .note("a reduction is unrolled in the kernel"));
      return Optional.empty();
    }
    Reduce made =
        new Reduce(
            r.any() ? ReduceOp.ANY : ReduceOp.SUM, variable, low.get(), high.get(), body.get());
    return operators.finish(made, r.span(), env);
  }

  private Optional<Long> bound(Expression e, Env env) {
    Optional<Expr> value = elaborate(e, ScalarType.INT, env, "a bound of a reduction");
    if (value.isEmpty()) {
      return Optional.empty();
    }
    if (value.get() instanceof IntConst(long bound)
        && Math.abs((double) bound) <= Budget.INT_LIMIT) {
      return Optional.of(bound);
    }
    if (!env.generic()) {
      report(
          env,
          Diagnostic.at(
                  e.span(),
                  Code.NOT_CONSTANT,
                  "a bound of a reduction must be known at compile time")
              .help("use a number or a const"));
      return Optional.empty();
    }
    return Optional.of(0L);
  }

  private Optional<Expr> moved(Expression.Moved m, Env env) {
    Optional<Expr> base = elaborate(m.base(), env.elsewhere());
    Map<Expr, Expr> places = new LinkedHashMap<>();
    boolean complete = base.isPresent();
    for (Expression.Move move : m.moves()) {
      Optional<Expr> place = moves.place(move.name(), env);
      Optional<Expr> value =
          elaborate(move.value(), ScalarType.INT, env, "the new " + move.name().text());
      complete &= place.isPresent() && value.isPresent();
      if (place.isPresent() && places.put(place.get(), value.orElse(place.get())) != null) {
        report(
            env,
            Diagnostic.at(
                move.name().span(),
                Code.DUPLICATE_NAME,
                "'%s' is given twice".formatted(move.name().text())));
        complete = false;
      }
    }
    return complete ? moves.move(m, base.get(), places, env) : Optional.empty();
  }

  /** A variable of a reduction that nothing else has. */
  private Expr.Var variable(long from, long to) {
    Expr.Var variable = new Expr.Var(variables++);
    ranges.variable(variable.id(), from, to);
    return variable;
  }

  private Diagnostic unknown(Name name, List<String> candidates, Env env) {
    List<String> all = new ArrayList<>(candidates);
    all.addAll(env.locals().keySet());
    Diagnostic problem =
        Diagnostic.at(name.span(), Code.UNKNOWN_NAME, "unknown name '%s'".formatted(name.text()));
    return Nearest.to(name.text(), all)
        .map(
            near ->
                problem.help(Help.edit("did you mean '%s'?".formatted(near), name.span(), near)))
        .orElse(problem);
  }

  private void report(Env env, Diagnostic problem) {
    problems.add(env, problem);
  }

  private static <T> Optional<List<T>> all(List<Optional<T>> parts) {
    return parts.stream().allMatch(Optional::isPresent)
        ? Optional.of(parts.stream().map(Optional::get).toList())
        : Optional.empty();
  }

  private static String count(int n, String noun) {
    return counted(n, noun, noun + "s");
  }

  private static String counted(int n, String one, String many) {
    return n == 1 ? "1 " + one : n + " " + many;
  }
}
