package dev.attune.compiler.check;

import dev.attune.dsl.diagnostic.Diagnostic;
import dev.attune.dsl.diagnostic.Label;
import dev.attune.dsl.diagnostic.Span;
import dev.attune.dsl.syntax.Item;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/** Collects diagnostics; the same one twice counts once. */
final class Problems {
  private final Set<Diagnostic> found = new LinkedHashSet<>();
  private final Set<Item> failed = Collections.newSetFromMap(new IdentityHashMap<>());
  private int errors;

  void add(Diagnostic problem) {
    if (found.add(problem) && problem.isError()) {
      errors++;
    }
  }

  /**
   * Adds a problem found in an expression. Where a definition's use led to it, that use is what the
   * user can change: it becomes the primary place.
   */
  void add(Env env, Diagnostic problem) {
    if (env.via().isEmpty()) {
      add(problem);
      return;
    }
    Span use = env.via().get();
    List<Label> secondary = new ArrayList<>();
    secondary.add(
        new Label(
            problem.primary().span(),
            problem.primary().text().isEmpty() ? "here" : problem.primary().text()));
    secondary.addAll(problem.secondary());
    add(
        new Diagnostic(
            problem.severity(),
            problem.code(),
            problem.message(),
            new Label(use, "used here"),
            secondary,
            problem.notes(),
            problem.help()));
  }

  /** From now on uses of this definition are not looked into: its own text has errors. */
  void markFailed(Item definition) {
    failed.add(definition);
  }

  /** Whether the definition's own text has errors. */
  boolean failed(Item definition) {
    return failed.contains(definition);
  }

  /** How many errors there are so far: unchanged over a stretch that went well. */
  int errors() {
    return errors;
  }

  List<Diagnostic> all() {
    return List.copyOf(found);
  }
}
