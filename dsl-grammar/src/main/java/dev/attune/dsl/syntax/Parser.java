package dev.attune.dsl.syntax;

import dev.attune.dsl.diagnostic.Code;
import dev.attune.dsl.diagnostic.Diagnostic;
import dev.attune.dsl.diagnostic.Source;
import dev.attune.dsl.diagnostic.Span;
import dev.attune.dsl.syntax.generated.AttnParser;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.antlr.v4.runtime.CommonTokenStream;
import org.antlr.v4.runtime.ListTokenSource;
import org.antlr.v4.runtime.atn.PredictionMode;

/** Reads the text of a file. Total: any text gives a module and diagnostics, quickly. */
public final class Parser {
  private Parser() {}

  /** The syntax tree of a source, and every syntax error in it. */
  public static ParseResult parse(Source source) {
    List<Diagnostic> problems = new ArrayList<>();
    Tokens tokens = Tokens.of(source, problems);
    if (!tokens.parsable()) {
      return new ParseResult(new Module(source, List.of()), problems);
    }
    AttnParser parser =
        new AttnParser(new CommonTokenStream(new ListTokenSource(tokens.visible())));
    parser.removeErrorListeners();
    // The grammar needs no full-context prediction; ParserTest holds it to that.
    parser.getInterpreter().setPredictionMode(PredictionMode.SLL);
    parser.setErrorHandler(new SyntaxErrors(tokens, problems));
    Module module = new TreeBuilder(tokens, problems).module(parser.module());
    return new ParseResult(module, inOrder(source, problems));
  }

  private static List<Diagnostic> inOrder(Source source, List<Diagnostic> problems) {
    List<Diagnostic> sorted =
        problems.stream()
            .sorted(Comparator.comparingInt((Diagnostic d) -> d.primary().span().start()))
            .toList();
    if (sorted.size() <= Limits.ERRORS) {
      return sorted;
    }
    List<Diagnostic> first = new ArrayList<>(sorted.subList(0, Limits.ERRORS));
    int end = source.text().length();
    first.add(
        Diagnostic.at(
            new Span(source, end, end),
            Code.TOO_MANY_ERRORS,
            "%d more problems are not shown".formatted(sorted.size() - Limits.ERRORS)));
    return first;
  }
}
