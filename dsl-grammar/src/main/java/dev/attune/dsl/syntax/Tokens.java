package dev.attune.dsl.syntax;

import dev.attune.dsl.diagnostic.Code;
import dev.attune.dsl.diagnostic.Diagnostic;
import dev.attune.dsl.diagnostic.Source;
import dev.attune.dsl.diagnostic.Span;
import dev.attune.dsl.syntax.generated.AttnLexer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Locale;
import org.antlr.v4.runtime.CharStreams;
import org.antlr.v4.runtime.Token;

/**
 * The words of a file, after every check that needs no grammar: that it is text, of a bearable size
 * and nesting. Offsets of tokens count code points; {@link #span} gives offsets in the source.
 */
final class Tokens {
  private final Source source;
  private final List<? extends Token> visible;
  private final int[] offsets;
  private final boolean parsable;

  private Tokens(Source source, List<? extends Token> visible, int[] offsets, boolean parsable) {
    this.source = source;
    this.visible = visible;
    this.offsets = offsets;
    this.parsable = parsable;
  }

  /** The tokens of a source. Adds what is wrong with them to {@code problems}. */
  static Tokens of(Source source, List<Diagnostic> problems) {
    String text = source.text();
    if (text.length() > Limits.TEXT) {
      problems.add(
          Diagnostic.at(
                  new Span(source, 0, 0),
                  Code.FILE_TOO_LARGE,
                  "the file has %d characters, at most %d are read"
                      .formatted(text.length(), Limits.TEXT))
              .help("move declarations into files of their own and import them"));
      return new Tokens(source, List.of(), new int[0], false);
    }
    if (!isText(source, problems)) {
      return new Tokens(source, List.of(), new int[0], false);
    }
    int[] offsets = codePointOffsets(text);
    AttnLexer lexer = new AttnLexer(CharStreams.fromString(text));
    lexer.removeErrorListeners();
    int[] codePoints = text.codePoints().map(c -> c < 0x80 ? c : '\uFFFD').toArray();
    CharSequence plain = new String(codePoints, 0, codePoints.length);
    lexer.dividesAt = index -> FloorDivision.at(plain, index);
    List<Token> all = new ArrayList<>(lexer.getAllTokens());
    List<Token> visible = all.stream().filter(t -> t.getChannel() == 0).toList();
    Tokens tokens =
        new Tokens(
            source,
            visible.stream().filter(t -> t.getType() != AttnLexer.UNKNOWN).toList(),
            offsets,
            true);
    for (Token t : all) {
      if (t.getType() == AttnLexer.COMMENT && FloorDivision.doubtful(plain, t.getStartIndex())) {
        problems.add(
            Diagnostic.at(
                    tokens.span(t),
                    Code.COMMENT_OR_DIVISION,
                    "this is a comment, but reads like a division")
                .help("put at most one blank before // to divide, or words into the comment"));
      }
    }
    tokens.reportUnknown(visible, problems);
    boolean shallow = tokens.checkNesting(problems);
    tokens.checkNames(problems);
    return shallow ? tokens : new Tokens(source, List.of(), offsets, false);
  }

  /** Whether the parser may be given them. */
  boolean parsable() {
    return parsable;
  }

  /** What the parser reads: no blanks, comments or unknown characters. */
  List<? extends Token> visible() {
    return visible;
  }

  /** The source they are from. */
  Source source() {
    return source;
  }

  /** Where a token stands; the end of the text for the end-of-file token. */
  Span span(Token token) {
    if (token.getType() == Token.EOF || token.getStartIndex() >= offsets.length - 1) {
      int end = lastVisibleEnd();
      return new Span(source, end, end);
    }
    return new Span(source, offsets[token.getStartIndex()], offsets[token.getStopIndex() + 1]);
  }

  private int lastVisibleEnd() {
    return visible.isEmpty() ? 0 : offsets[visible.getLast().getStopIndex() + 1];
  }

  private static boolean isText(Source source, List<Diagnostic> problems) {
    String text = source.text();
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      boolean loneSurrogate =
          Character.isSurrogate(c)
              && !(Character.isHighSurrogate(c)
                  && i + 1 < text.length()
                  && Character.isLowSurrogate(text.charAt(i + 1)))
              && !(Character.isLowSurrogate(c)
                  && i > 0
                  && Character.isHighSurrogate(text.charAt(i - 1)));
      boolean control = c < 0x20 ? "\t\n\r\f".indexOf(c) < 0 : c >= 0x7F && c < 0xA0;
      if (c == '\uFFFD' || loneSurrogate || control) {
        problems.add(
            Diagnostic.at(
                new Span(source, i, i),
                Code.NOT_TEXT,
                control
                    ? "the file is not text: it contains the control character U+%04X"
                        .formatted((int) c)
                    : "the file is not text: it is not valid UTF-8"));
        return false;
      }
      if (hidden(c)) {
        problems.add(
            Diagnostic.at(
                    new Span(source, i, i + 1),
                    Code.HIDDEN_CHARACTER,
                    "the invisible character U+%04X could make the text read differently from what it says"
                        .formatted((int) c))
                .label("here")
                .help("remove it"));
        return false;
      }
    }
    return true;
  }

  /** Characters that reorder, join or hide the ones around them. */
  private static boolean hidden(char c) {
    return (c >= 0x200B && c <= 0x200F)
        || (c >= 0x202A && c <= 0x202E)
        || (c >= 0x2060 && c <= 0x2069)
        || c == 0x061C
        || c == 0xFEFF
        || c == 0x2028
        || c == 0x2029;
  }

  private static int[] codePointOffsets(String text) {
    int count = text.codePointCount(0, text.length());
    int[] offsets = new int[count + 1];
    int at = 0;
    for (int i = 0; i < count; i++) {
      offsets[i] = at;
      at += Character.charCount(text.codePointAt(at));
    }
    offsets[count] = at;
    return offsets;
  }

  private void reportUnknown(List<Token> all, List<Diagnostic> problems) {
    int previousEnd = -1;
    for (Token t : all) {
      if (t.getType() != AttnLexer.UNKNOWN) {
        continue;
      }
      boolean sameRun = t.getStartIndex() == previousEnd + 1;
      previousEnd = t.getStopIndex();
      if (sameRun) {
        continue;
      }
      Span span = span(t);
      Diagnostic problem =
          Diagnostic.at(
              span,
              Code.UNEXPECTED_CHARACTER,
              "the character '%s' has no meaning here".formatted(span.text()));
      problems.add(Words.characterHelp(span.text()).map(problem::help).orElse(problem));
    }
  }

  private boolean checkNesting(List<Diagnostic> problems) {
    Deque<Integer> outer = new ArrayDeque<>();
    int level = 0;
    int prefixes = 0;
    for (Token t : visible) {
      switch (t.getType()) {
        case AttnLexer.LPAREN, AttnLexer.LBRACKET, AttnLexer.LBRACE -> {
          outer.push(level);
          level += prefixes + 1;
          prefixes = 0;
        }
        case AttnLexer.RPAREN, AttnLexer.RBRACKET, AttnLexer.RBRACE -> {
          level = outer.isEmpty() ? 0 : outer.pop();
          prefixes = 0;
        }
        case AttnLexer.IF -> {
          level += prefixes + 1;
          prefixes = 0;
        }
        case AttnLexer.MINUS, AttnLexer.TILDE, AttnLexer.NOT -> prefixes++;
        case AttnLexer.COMMA, AttnLexer.ASSIGN -> {
          level = outer.isEmpty() ? 0 : outer.peek() + 1;
          prefixes = 0;
        }
        default -> prefixes = 0;
      }
      if (level + prefixes > Limits.NESTING) {
        problems.add(
            Diagnostic.at(
                    span(t),
                    Code.NESTED_TOO_DEEPLY,
                    "nested more than %d levels deep".formatted(Limits.NESTING))
                .label("this level is one too many")
                .help("name an inner part with let"));
        return false;
      }
    }
    return true;
  }

  private void checkNames(List<Diagnostic> problems) {
    for (Token t : visible) {
      if (t.getType() == AttnLexer.IDENTIFIER && t.getText().length() > Limits.NAME) {
        problems.add(
            Diagnostic.at(
                span(t),
                Code.NAME_TOO_LONG,
                String.format(
                    Locale.ROOT,
                    "the name has %d characters, at most %d are allowed",
                    t.getText().length(),
                    Limits.NAME)));
      }
    }
  }
}
