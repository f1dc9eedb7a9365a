package dev.attune.ptx.emulate;

import java.util.ArrayList;
import java.util.List;
import java.util.NavigableMap;
import java.util.TreeMap;

/**
 * Splits PTX text. Words keep their dots, so that {@code ld.global.u32} and {@code %tid.x} are one
 * token each. Comment lines that begin with {@code //@} name the tile operation of what follows.
 */
final class Lexer {
  private final String text;
  private final List<Token> tokens = new ArrayList<>();
  private final NavigableMap<Integer, String> tileOperations = new TreeMap<>();
  private int at;
  private int line = 1;

  Lexer(String text) {
    this.text = text;
  }

  /** The tile operation in force at each line where one begins. */
  NavigableMap<Integer, String> tileOperations() {
    return tileOperations;
  }

  List<Token> tokens() {
    while (true) {
      skipBlanks();
      if (at >= text.length()) {
        tokens.add(new Token(Token.Kind.END, "end of text", line, at, at));
        return tokens;
      }
      char c = text.charAt(at);
      int start = at;
      if (c == '"') {
        string(start);
      } else if (c >= '0' && c <= '9') {
        take(Token.Kind.NUMBER, start, false);
      } else if (isWordStart(c)) {
        take(Token.Kind.WORD, start, true);
      } else if ("{}()[],;:@!|<>+-=".indexOf(c) >= 0) {
        at++;
        tokens.add(new Token(Token.Kind.PUNCTUATION, text.substring(start, at), line, start, at));
      } else {
        throw new PtxSyntaxException(line, "unexpected character '" + c + "'");
      }
    }
  }

  private void string(int start) {
    int end = text.indexOf('"', start + 1);
    if (end < 0) {
      throw new PtxSyntaxException(line, "the string has no end");
    }
    at = end + 1;
    tokens.add(new Token(Token.Kind.STRING, text.substring(start + 1, end), line, start, at));
  }

  private void take(Token.Kind kind, int start, boolean word) {
    while (at < text.length()) {
      char c = text.charAt(at);
      if (word && c == ':' && at + 1 < text.length() && text.charAt(at + 1) == ':') {
        at += 2;
      } else if (isWordPart(c) || (!word && isExponentSign(c, start))) {
        at++;
      } else {
        break;
      }
    }
    tokens.add(new Token(kind, text.substring(start, at), line, start, at));
  }

  /** Whether the sign belongs to a decimal number such as {@code 1.5e-3}. */
  private boolean isExponentSign(char c, int start) {
    char before = text.charAt(at - 1);
    return (c == '+' || c == '-')
        && (before == 'e' || before == 'E')
        && text.substring(start, at).indexOf('.') >= 0;
  }

  private void skipBlanks() {
    while (at < text.length()) {
      char c = text.charAt(at);
      if (c == '\n') {
        line++;
        at++;
      } else if (Character.isWhitespace(c)) {
        at++;
      } else if (text.startsWith("//", at)) {
        lineComment();
      } else if (text.startsWith("/*", at)) {
        blockComment();
      } else {
        return;
      }
    }
  }

  private void lineComment() {
    int end = text.indexOf('\n', at);
    String comment = text.substring(at, end < 0 ? text.length() : end);
    if (comment.startsWith("//@ ")) {
      tileOperations.put(line, comment.substring(4).strip());
    }
    at = end < 0 ? text.length() : end;
  }

  private void blockComment() {
    int end = text.indexOf("*/", at + 2);
    if (end < 0) {
      throw new PtxSyntaxException(line, "the comment has no end");
    }
    for (; at < end + 2; at++) {
      if (text.charAt(at) == '\n') {
        line++;
      }
    }
  }

  private static boolean isWordStart(char c) {
    return isLetter(c) || c == '_' || c == '$' || c == '%' || c == '.';
  }

  private static boolean isWordPart(char c) {
    return isWordStart(c) || (c >= '0' && c <= '9');
  }

  private static boolean isLetter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  }
}
