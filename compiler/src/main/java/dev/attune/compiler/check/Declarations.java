package dev.attune.compiler.check;

import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.ScalarType;
import dev.attune.dsl.diagnostic.Code;
import dev.attune.dsl.diagnostic.Diagnostic;
import dev.attune.dsl.diagnostic.Span;
import dev.attune.dsl.syntax.Expression;
import dev.attune.dsl.syntax.Item;
import dev.attune.dsl.syntax.Name;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/** Puts const, let and def into a scope, and checks their text by itself. */
final class Declarations {
  private final Problems problems;
  private final Elaborator elaborator;

  Declarations(Problems problems, Elaborator elaborator) {
    this.problems = problems;
    this.elaborator = elaborator;
  }

  /** Declares a value unless the name is taken. */
  boolean value(Scope scope, Name name, Binding binding) {
    if (taken(
        name, scope.hasOwnValue(name.text()), scope.value(name.text()), "choose another name")) {
      return false;
    }
    scope.putValue(name.text(), binding);
    return true;
  }

  private boolean function(Scope scope, Item.Def def) {
    Name name = def.name();
    if (taken(
        name,
        scope.hasOwnFunction(name.text()),
        scope.function(name.text()),
        "choose another name")) {
      return false;
    }
    scope.putFunction(name.text(), new Binding.Def(def, scope));
    return true;
  }

  private boolean taken(Name name, boolean here, Optional<Binding> before, String help) {
    if (before.isEmpty()) {
      return false;
    }
    Optional<Span> declared = before.get().declared();
    if (declared.isPresent() && declared.get().equals(name.span())) {
      return false;
    }
    Diagnostic problem =
        here
            ? Diagnostic.at(
                name.span(), Code.DUPLICATE_NAME, "'%s' is declared twice".formatted(name.text()))
            : Diagnostic.at(
                name.span(),
                Code.SHADOWED_NAME,
                declared.isPresent()
                    ? "'%s' is already declared around this".formatted(name.text())
                    : "'%s' is a name of the language".formatted(name.text()));
    if (declared.isPresent()) {
      problem = problem.also(declared.get(), "first declared here");
    }
    problems.add(problem.help(help));
    return true;
  }

  /** Declares a const; its value may use the constants declared before it. */
  void constant(Scope scope, Item.Const c) {
    int before = problems.errors();
    Optional<Expr> value = constantValue(c, scope);
    if (value.isEmpty() && problems.errors() == before) {
      problems.add(
          Diagnostic.at(c.value().span(), Code.NOT_CONSTANT, "this is not known at compile time"));
    }
    value(
        scope,
        c.name(),
        value
            .<Binding>map(v -> new Binding.Constant(v, c.name().span()))
            .orElseGet(() -> new Binding.Failed(c.name().span())));
  }

  private Optional<Expr> constantValue(Item.Const c, Scope scope) {
    Env env = Env.of(scope, Place.CONSTANT);
    String what = "constant '%s'".formatted(c.name().text());
    Optional<Expr> value =
        c.type().isPresent()
            ? elaborator.elaborate(c.value(), Types.of(c.type().get()), env, what)
            : elaborator.elaborate(c.value(), env);
    return value.filter(Constants::isConstant);
  }

  /** Declares a let. {@link #check} looks into it, once everything is declared. */
  void let(Scope scope, Item.Let let) {
    value(scope, let.name(), new Binding.Let(let, scope));
  }

  /** Declares a def. {@link #check} looks into it, once everything is declared. */
  void def(Scope scope, Item.Def def) {
    function(scope, def);
  }

  /** Declares the name of a declaration with a syntax error, so that its uses pass. */
  void broken(Scope scope, Item.Broken broken) {
    broken
        .name()
        .filter(n -> scope.value(n.text()).isEmpty() && scope.function(n.text()).isEmpty())
        .ifPresent(
            n -> {
              scope.putValue(n.text(), new Binding.Failed(n.span()));
              scope.putFunction(n.text(), new Binding.Failed(n.span()));
            });
  }

  /** Checks the text of every let and def of this very scope, used or not. */
  void check(Scope scope) {
    for (Binding binding : scope.ownValues().values()) {
      if (binding instanceof Binding.Let(Item.Let let, Scope declaring) && declaring == scope) {
        int before = problems.errors();
        boolean ok =
            elaborator.definition(let, let.value(), Env.of(scope, Place.DEFINITION)).isPresent();
        if (!ok || problems.errors() > before) {
          problems.markFailed(let);
        }
      }
    }
    for (Binding binding : scope.ownFunctions().values()) {
      if (binding instanceof Binding.Def(Item.Def def, Scope declaring) && declaring == scope) {
        int before = problems.errors();
        boolean ok = body(def, scope).isPresent();
        if (!ok || problems.errors() > before) {
          problems.markFailed(def);
        }
      }
    }
  }

  private Optional<Expr> body(Item.Def def, Scope scope) {
    Map<String, Optional<Expr>> locals = new LinkedHashMap<>();
    for (Item.Formal formal : def.formals()) {
      Name name = formal.name();
      if (locals.containsKey(name.text())) {
        problems.add(
            Diagnostic.at(
                name.span(), Code.DUPLICATE_NAME, "'%s' is declared twice".formatted(name.text())));
      } else {
        taken(name, false, scope.value(name.text()), "give the parameter another name");
      }
      ScalarType type = Types.of(formal.type());
      locals.put(name.text(), Optional.of(new Expr.Param(name.text(), type)));
    }
    Env env = new Env(scope, Place.DEFINITION, locals, Optional.empty(), true, false);
    Expression body = def.body();
    Optional<Expr> value = elaborator.definition(def, body, env);
    return def.result().isEmpty()
        ? value
        : value.flatMap(
            v ->
                elaborator.coerce(
                    v,
                    Types.of(def.result().get()),
                    body.span(),
                    env,
                    "the result of " + def.name().text()));
  }
}
