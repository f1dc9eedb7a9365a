package dev.attune.compiler.check;

import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.dsl.diagnostic.Code;
import dev.attune.dsl.diagnostic.Diagnostic;
import dev.attune.dsl.diagnostic.Source;
import dev.attune.dsl.diagnostic.Span;
import dev.attune.dsl.syntax.Item;
import dev.attune.dsl.syntax.Name;
import dev.attune.dsl.syntax.ParseResult;
import dev.attune.dsl.syntax.Parser;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** From the text of a file to the meaning of its attentions. Total: any text has an outcome. */
public final class Frontend {
  private final ImportResolver resolver;
  private final Problems problems = new Problems();
  private final Ranges ranges = new Ranges();
  private final Elaborator elaborator = new Elaborator(problems, ranges);
  private final Declarations declarations = new Declarations(problems, elaborator);
  private final Map<String, Scope> imported = new LinkedHashMap<>();
  private final Set<String> loading = new LinkedHashSet<>();

  private Frontend(ImportResolver resolver) {
    this.resolver = resolver;
  }

  /**
   * Parses and checks a file.
   *
   * @param resolver finds the files it imports
   */
  public static Checked load(Source source, ImportResolver resolver) {
    return new Frontend(resolver).check(source);
  }

  private Checked check(Source source) {
    loading.add(source.name());
    ParseResult parsed = parse(source);
    List<Item> items = parsed.module().items();
    Scope scope = declare(source, items);
    List<AttentionSpec> specs = new ArrayList<>();
    Map<String, Item.Attention> seen = new LinkedHashMap<>();
    for (Item item : items) {
      if (item instanceof Item.Attention attention) {
        Item.Attention first = seen.putIfAbsent(attention.name().text(), attention);
        if (first != null) {
          problems.add(
              Diagnostic.at(
                      attention.name().span(),
                      Code.DUPLICATE_NAME,
                      "the attention '%s' is declared twice".formatted(attention.name().text()))
                  .also(first.name().span(), "first declared here")
                  .help("choose another name"));
        }
        new AttentionChecker(problems, scope, attention).check().ifPresent(specs::add);
      }
    }
    if (items.isEmpty() && parsed.ok()) {
      problems.add(
          Diagnostic.at(new Span(source, 0, 0), Code.NOTHING_DECLARED, "the file declares nothing")
              .help("declare an attention, for example: attention full { }"));
    }
    return new Checked(problems.errors() == 0 ? specs : List.of(), problems.all());
  }

  private ParseResult parse(Source source) {
    ParseResult parsed = Parser.parse(source);
    parsed.diagnostics().forEach(problems::add);
    return parsed;
  }

  private Scope declare(Source source, List<Item> items) {
    Scope scope = StandardLibrary.scope().inner();
    for (Item item : items) {
      switch (item) {
        case Item.Import i -> importInto(scope, source, i);
        case Item.Const c -> declarations.constant(scope, c);
        case Item.Let let -> declarations.let(scope, let);
        case Item.Def def -> declarations.def(scope, def);
        case Item.Broken broken -> declarations.broken(scope, broken);
        case Item.Attention a -> {}
      }
    }
    declarations.check(scope);
    return scope;
  }

  private void importInto(Scope scope, Source importing, Item.Import item) {
    Name name = item.name();
    Optional<Source> found = resolver.resolve(importing, name.text());
    if (found.isEmpty()) {
      Diagnostic problem =
          Diagnostic.at(
              name.span(),
              Code.IMPORT_NOT_FOUND,
              "there is no file %s.attn beside this one".formatted(name.text()));
      boolean standard =
          StandardLibrary.scope().value(name.text()).isPresent()
              || StandardLibrary.scope().function(name.text()).isPresent();
      problems.add(
          standard
              ? problem.help(
                  "'%s' is in the standard library, which needs no import".formatted(name.text()))
              : problem);
      return;
    }
    Source library = found.get();
    if (loading.contains(library.name())) {
      problems.add(
          Diagnostic.at(
              name.span(),
              Code.IMPORT_CYCLE,
              "this import leads back to %s, which is being read".formatted(library.name())));
      return;
    }
    Scope theirs = imported.get(library.name());
    if (theirs == null) {
      loading.add(library.name());
      theirs = declare(library, parse(library).module().items());
      loading.remove(library.name());
      imported.put(library.name(), theirs);
    }
    copy(scope, name, theirs);
  }

  private void copy(Scope scope, Name at, Scope theirs) {
    theirs
        .ownValues()
        .forEach(
            (name, binding) -> {
              if (!scope.hasOwnValue(name)) {
                scope.putValue(name, binding);
              } else if (!binding.equals(scope.ownValues().get(name))) {
                clash(at, name);
              }
            });
    theirs
        .ownFunctions()
        .forEach(
            (name, binding) -> {
              if (!scope.hasOwnFunction(name)) {
                scope.putFunction(name, binding);
              } else if (!binding.equals(scope.ownFunctions().get(name))) {
                clash(at, name);
              }
            });
  }

  private void clash(Name at, String name) {
    problems.add(
        Diagnostic.at(
                at.span(),
                Code.DUPLICATE_NAME,
                "'%s' of the imported file is already declared".formatted(name))
            .help("rename one of them"));
  }
}
