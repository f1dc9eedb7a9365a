package dev.attune.dsl.syntax;

import dev.attune.dsl.diagnostic.Code;
import dev.attune.dsl.diagnostic.Diagnostic;
import dev.attune.dsl.diagnostic.Help;
import dev.attune.dsl.diagnostic.Nearest;
import dev.attune.dsl.diagnostic.Span;
import dev.attune.dsl.syntax.generated.AttnLexer;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import org.antlr.v4.runtime.DefaultErrorStrategy;
import org.antlr.v4.runtime.FailedPredicateException;
import org.antlr.v4.runtime.InputMismatchException;
import org.antlr.v4.runtime.NoViableAltException;
import org.antlr.v4.runtime.Parser;
import org.antlr.v4.runtime.RecognitionException;
import org.antlr.v4.runtime.Token;
import org.antlr.v4.runtime.misc.IntervalSet;

/**
 * Turns what stops the parser into diagnostics, and lets it go on at the next declaration: at most
 * one syntax error per declaration or clause.
 */
final class SyntaxErrors extends DefaultErrorStrategy {
  private final Tokens tokens;
  private final List<Diagnostic> problems;
  private int lastReported = -1;

  SyntaxErrors(Tokens tokens, List<Diagnostic> problems) {
    this.tokens = tokens;
    this.problems = problems;
  }

  @Override
  public void reportError(Parser parser, RecognitionException e) {
    if (inErrorRecoveryMode(parser)) {
      return;
    }
    beginErrorCondition(parser);
    Token at = e instanceof NoViableAltException n ? n.getStartToken() : e.getOffendingToken();
    report(at, parser.getExpectedTokens());
  }

  @Override
  protected void reportNoViableAlternative(Parser parser, NoViableAltException e) {
    reportError(parser, e);
  }

  @Override
  protected void reportInputMismatch(Parser parser, InputMismatchException e) {
    reportError(parser, e);
  }

  @Override
  protected void reportFailedPredicate(Parser parser, FailedPredicateException e) {
    reportError(parser, e);
  }

  @Override
  protected void reportUnwantedToken(Parser parser) {
    if (!inErrorRecoveryMode(parser)) {
      beginErrorCondition(parser);
      report(parser.getCurrentToken(), getExpectedTokens(parser));
    }
  }

  @Override
  protected void reportMissingToken(Parser parser) {
    reportUnwantedToken(parser);
  }

  /** Skips to a token of the set; what is within braces on the way goes with them. */
  @Override
  protected void consumeUntil(Parser parser, IntervalSet set) {
    int depth = 0;
    while (parser.getInputStream().LA(1) != Token.EOF) {
      int type = parser.getInputStream().LA(1);
      if (depth == 0 && set.contains(type)) {
        return;
      }
      if (type == AttnLexer.LBRACE) {
        depth++;
      } else if (type == AttnLexer.RBRACE) {
        depth = Math.max(0, depth - 1);
      }
      parser.consume();
    }
  }

  private void report(Token at, IntervalSet expected) {
    int index = at.getTokenIndex();
    if (lastReported >= 0 && !declarationStartsBetween(lastReported + 1, index)) {
      lastReported = Math.max(lastReported, index);
      return;
    }
    lastReported = index;
    IntervalSet wanted = new IntervalSet(expected);
    boolean afterOperand = index > 0 && endsOperand(tokens.visible().get(index - 1).getType());
    boolean operatorPossible = afterOperand && wanted.contains(AttnLexer.RBRACE);
    String words = Words.expected(wanted);
    String message =
        "expected %s, found %s"
            .formatted(operatorPossible ? "an operator, " + words : words, Words.found(at));
    Diagnostic problem =
        Diagnostic.at(tokens.span(at), Code.SYNTAX, message).label("not expected here");
    Optional<Token> open = unclosed(index);
    if (open.isPresent()
        && (at.getType() == Token.EOF
            || (Words.starts(at.getType()) && open.get().getType() != AttnLexer.LBRACE))) {
      problem =
          problem.also(
              tokens.span(open.get()), "this '%s' is not closed".formatted(open.get().getText()));
    }
    problems.add(help(at, wanted).map(problem::help).orElse(problem));
  }

  private Optional<Help> help(Token at, IntervalSet expected) {
    int type = at.getType();
    Span span = at.getType() == Token.EOF ? null : tokens.span(at);
    if (span == null) {
      return Optional.empty();
    }
    if (Words.keyword(type) && expected.contains(AttnLexer.IDENTIFIER)) {
      return switch (type) {
        case AttnLexer.IF ->
            Optional.of(Help.of("put the conditional in parentheses: (if c then a else b)"));
        case AttnLexer.MASK, AttnLexer.SINK, AttnLexer.WEIGHT ->
            Optional.of(
                Help.of(
                    "'%s' is a clause, not a value; share an expression between clauses with let"
                        .formatted(at.getText())));
        default ->
            Optional.of(
                Help.of(
                    "'%s' is a word of the language; choose another name".formatted(at.getText())));
      };
    }
    if (type == AttnLexer.IDENTIFIER
        && (expected.contains(AttnLexer.MASK) || expected.contains(AttnLexer.ATTENTION))) {
      return Nearest.to(at.getText(), Words.starters())
          .map(w -> Help.edit("did you mean '%s'?".formatted(w), span, w));
    }
    if (type == AttnLexer.IDENTIFIER && expected.contains(AttnLexer.BOOL)) {
      return Optional.of(Help.of("the types are int, float and bool"));
    }
    if (type == AttnLexer.ASSIGN && at.getTokenIndex() > 0) {
      return Optional.of(Help.of("compare with ==; name a value with let"));
    }
    if (type == AttnLexer.SEMICOLON) {
      return Optional.of(Help.edit("declarations need no ';'", span, ""));
    }
    if (type == AttnLexer.STAR && previous(at) == AttnLexer.STAR) {
      return Optional.of(Help.of("write pow(x, y) for a power"));
    }
    if ((type == AttnLexer.AMP || type == AttnLexer.BAR) && previous(at) == type) {
      return Optional.of(Help.of("write and, or"));
    }
    return Optional.empty();
  }

  private int previous(Token at) {
    return at.getTokenIndex() > 0
        ? tokens.visible().get(at.getTokenIndex() - 1).getType()
        : Token.EOF;
  }

  private boolean declarationStartsBetween(int from, int to) {
    for (int i = from; i <= to && i < tokens.visible().size(); i++) {
      int type = tokens.visible().get(i).getType();
      boolean clause =
          i + 1 < tokens.visible().size()
              && tokens.visible().get(i + 1).getType() == AttnLexer.ASSIGN;
      if (Words.starts(type) && (type != AttnLexer.SCORE || clause)) {
        return true;
      }
    }
    return false;
  }

  private Optional<Token> unclosed(int before) {
    Deque<Token> open = new ArrayDeque<>();
    for (int i = 0; i < before && i < tokens.visible().size(); i++) {
      Token t = tokens.visible().get(i);
      switch (t.getType()) {
        case AttnLexer.LPAREN, AttnLexer.LBRACKET, AttnLexer.LBRACE -> open.push(t);
        case AttnLexer.RPAREN, AttnLexer.RBRACKET, AttnLexer.RBRACE -> open.poll();
        default -> {}
      }
    }
    return Optional.ofNullable(open.peek());
  }

  private static boolean endsOperand(int type) {
    return switch (type) {
      case AttnLexer.IDENTIFIER,
          AttnLexer.INTEGER,
          AttnLexer.REAL,
          AttnLexer.RPAREN,
          AttnLexer.RBRACKET,
          AttnLexer.SCORE,
          AttnLexer.TRUE,
          AttnLexer.FALSE ->
          true;
      default -> false;
    };
  }
}
