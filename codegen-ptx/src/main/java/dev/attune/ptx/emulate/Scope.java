package dev.attune.ptx.emulate;

import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Names declared between two braces; inner scopes see the outer ones. */
final class Scope {
  private final @Nullable Scope parent;
  private final Map<String, Symbol> symbols = new HashMap<>();
  private final Map<String, Integer> labels = new HashMap<>();

  Scope(@Nullable Scope parent) {
    this.parent = parent;
  }

  @Nullable Scope parent() {
    return parent;
  }

  void declare(int line, String name, Symbol symbol) {
    if (symbols.put(name, symbol) != null) {
      throw new PtxSyntaxException(line, "'" + name + "' is declared twice");
    }
  }

  void label(int line, String name, int index) {
    if (labels.put(name, index) != null) {
      throw new PtxSyntaxException(line, "label '" + name + "' is defined twice");
    }
  }

  @Nullable Symbol symbol(String name) {
    for (Scope scope = this; scope != null; scope = scope.parent) {
      Symbol found = scope.symbols.get(name);
      if (found != null) {
        return found;
      }
    }
    return null;
  }

  @Nullable Integer label(String name) {
    for (Scope scope = this; scope != null; scope = scope.parent) {
      Integer found = scope.labels.get(name);
      if (found != null) {
        return found;
      }
    }
    return null;
  }
}
