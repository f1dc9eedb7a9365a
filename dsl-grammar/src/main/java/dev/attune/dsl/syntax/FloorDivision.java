package dev.attune.dsl.syntax;

import java.util.Set;
import java.util.regex.Pattern;

/**
 * Tells {@code a // b} from a comment.
 *
 * <p>{@code //} divides where it stands between two operands on one line with at most one blank
 * before it; everywhere else it starts a comment. So a comment after code is set off by two blanks,
 * or consists of words, which no expression does.
 */
final class FloorDivision {
  /** The words that may follow an operand in an expression or a declaration. */
  private static final Set<String> CONTINUING = Set.of("and", "or", "then", "else", "where", "in");

  /** A number by itself, or a word and then an operator that prose does not have there. */
  private static final Pattern DIVISOR =
      Pattern.compile("^[ \\t]*(\\d+[ \\t]*$|\\(?\\w+[ \\t]*([=!]=|[<>+*%)\\]]))");

  private FloorDivision() {}

  /** Whether the {@code //} at {@code index} divides. */
  static boolean at(CharSequence text, int index) {
    int before = index;
    while (before > 0 && blank(text.charAt(before - 1))) {
      before--;
    }
    return index - before <= 1 && endsOperand(text, before) && operandFollows(text, index);
  }

  /** Whether the comment at {@code index} reads as if it had been meant to divide. */
  static boolean doubtful(CharSequence text, int index) {
    int before = index;
    while (before > 0 && blank(text.charAt(before - 1))) {
      before--;
    }
    int end = index;
    while (end < text.length() && !lineEnd(text.charAt(end))) {
      end++;
    }
    return endsOperand(text, before)
        && operandFollows(text, index)
        && DIVISOR.matcher(text.subSequence(index + 2, end)).find();
  }

  private static boolean endsOperand(CharSequence text, int end) {
    if (end == 0) {
      return false;
    }
    char last = text.charAt(end - 1);
    if (last == ')' || last == ']') {
      return true;
    }
    int start = end;
    while (start > 0 && wordPart(text.charAt(start - 1))) {
      start--;
    }
    String word = text.subSequence(start, end).toString();
    return !word.isEmpty()
        && !CONTINUING.contains(word)
        && !word.equals("not")
        && !word.equals("if");
  }

  private static boolean operandFollows(CharSequence text, int index) {
    int at = skipBlanks(text, index + 2);
    if (at == text.length()) {
      return false;
    }
    char first = text.charAt(at);
    if (first == '(' || first == '-' || first == '~') {
      int next = skipBlanks(text, at + 1);
      return next < text.length() && (wordPart(text.charAt(next)) || text.charAt(next) == '(');
    }
    if (!wordPart(first)) {
      return false;
    }
    int end = wordEnd(text, at);
    int next = skipBlanks(text, end);
    if (next == text.length() || lineEnd(text.charAt(next))) {
      return true;
    }
    char c = text.charAt(next);
    if (wordPart(c)) {
      int wordEnd = wordEnd(text, next);
      String word = text.subSequence(next, wordEnd).toString();
      int after = skipBlanks(text, wordEnd);
      boolean moves = word.equals("at") && after < text.length() && text.charAt(after) == '(';
      return moves || CONTINUING.contains(word);
    }
    return switch (c) {
      case '(', '[' -> next == end;
      case '.' -> next + 1 < text.length() && (digit(first) || text.charAt(next + 1) == '.');
      case '+', '-', '*', '/', '%', '<', '>', '=', '!', '&', '|', '^', ')', ']', '}' -> true;
      case ',' -> digit(first) || enclosed(text, index);
      default -> false;
    };
  }

  /** Whether a bracket on the line is still open, as around an argument or an index. */
  private static boolean enclosed(CharSequence text, int index) {
    int open = 0;
    for (int i = index - 1; i >= 0 && !lineEnd(text.charAt(i)); i--) {
      char c = text.charAt(i);
      open += c == '(' || c == '[' ? 1 : c == ')' || c == ']' ? -1 : 0;
      if (open > 0) {
        return true;
      }
    }
    return false;
  }

  private static int skipBlanks(CharSequence text, int from) {
    int at = from;
    while (at < text.length() && blank(text.charAt(at))) {
      at++;
    }
    return at;
  }

  private static int wordEnd(CharSequence text, int from) {
    int at = from;
    while (at < text.length() && wordPart(text.charAt(at))) {
      at++;
    }
    return at;
  }

  private static boolean blank(char c) {
    return c == ' ' || c == '\t';
  }

  private static boolean lineEnd(char c) {
    return c == '\n' || c == '\r';
  }

  private static boolean digit(char c) {
    return c >= '0' && c <= '9';
  }

  private static boolean wordPart(char c) {
    return digit(c) || c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  }
}
