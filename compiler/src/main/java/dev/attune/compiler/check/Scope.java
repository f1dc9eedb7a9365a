package dev.attune.compiler.check;

import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Extent;
import dev.attune.compiler.spec.Position;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The names that a stretch of text can use. Functions, which are followed by parentheses, and
 * values have names of their own: a parameter {@code window} and the function {@code window(l, r)}
 * do not meet.
 */
final class Scope {
  private final Optional<Scope> outer;
  private final Map<String, Binding> values = new LinkedHashMap<>();
  private final Map<String, Binding> functions = new LinkedHashMap<>();

  private Scope(Optional<Scope> outer) {
    this.outer = outer;
  }

  /** Positions, sizes, {@code score}, {@code scale} and the functions of the language. */
  static Scope language() {
    Scope scope = new Scope(Optional.empty());
    for (Position p : Position.values()) {
      scope.values.put(p.keyword(), new Binding.Given(new Expr.At(p)));
    }
    for (Extent e : Extent.values()) {
      scope.values.put(e.keyword(), new Binding.Given(new Expr.Size(e)));
    }
    scope.values.put("score", new Binding.Given(new Expr.Score()));
    scope.values.put("scale", new Binding.Given(new Expr.Scale()));
    for (Builtin f : Builtin.values()) {
      scope.functions.put(f.word(), new Binding.Primitive(f));
    }
    return scope;
  }

  /** An empty scope within this one. */
  Scope inner() {
    return new Scope(Optional.of(this));
  }

  void putValue(String name, Binding binding) {
    values.put(name, binding);
  }

  void putFunction(String name, Binding binding) {
    functions.put(name, binding);
  }

  /** What a bare or indexed name stands for. */
  Optional<Binding> value(String name) {
    return Optional.ofNullable(values.get(name)).or(() -> outer.flatMap(o -> o.value(name)));
  }

  /** What a called name stands for. */
  Optional<Binding> function(String name) {
    return Optional.ofNullable(functions.get(name)).or(() -> outer.flatMap(o -> o.function(name)));
  }

  /** Whether this very scope, not an outer one, has the value. */
  boolean hasOwnValue(String name) {
    return values.containsKey(name);
  }

  /** Whether this very scope, not an outer one, has the function. */
  boolean hasOwnFunction(String name) {
    return functions.containsKey(name);
  }

  /** The values of this very scope in the order of declaration. */
  Map<String, Binding> ownValues() {
    return values;
  }

  /** The functions of this very scope in the order of declaration. */
  Map<String, Binding> ownFunctions() {
    return functions;
  }

  /** Every value in scope. */
  List<String> valueNames() {
    List<String> names = new ArrayList<>(values.keySet());
    outer.ifPresent(o -> names.addAll(o.valueNames()));
    return names;
  }

  /** Every function in scope. */
  List<String> functionNames() {
    List<String> names = new ArrayList<>(functions.keySet());
    outer.ifPresent(o -> names.addAll(o.functionNames()));
    return names;
  }
}
