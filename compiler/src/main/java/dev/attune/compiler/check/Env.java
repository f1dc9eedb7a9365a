package dev.attune.compiler.check;

import dev.attune.compiler.spec.Expr;
import dev.attune.dsl.diagnostic.Span;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * What surrounds an expression while it is elaborated.
 *
 * @param locals formals of the surrounding function and variables of surrounding reductions; a name
 *     without a value is one whose argument had an error
 * @param via the outermost use that led into the text of a let or def
 * @param generic whether formals stand for themselves, of unknown range
 * @param moved whether the positions are those of another pair, and may be any numbers
 */
record Env(
    Scope scope,
    Place place,
    Map<String, Optional<Expr>> locals,
    Optional<Span> via,
    boolean generic,
    boolean moved) {

  static Env of(Scope scope, Place place) {
    return new Env(scope, place, Map.of(), Optional.empty(), false, false);
  }

  /** Within the body of a definition that is used at {@code use}. */
  Env into(Scope body, Map<String, Optional<Expr>> arguments, Span use) {
    return new Env(body, place, arguments, via.or(() -> Optional.of(use)), false, moved);
  }

  /** For another pair than the one around. */
  Env elsewhere() {
    return new Env(scope, place, locals, via, generic, true);
  }

  /** With one more local name. */
  Env with(String name, Optional<Expr> value) {
    Map<String, Optional<Expr>> more = new LinkedHashMap<>(locals);
    more.put(name, value);
    return new Env(scope, place, more, via, generic, moved);
  }
}
