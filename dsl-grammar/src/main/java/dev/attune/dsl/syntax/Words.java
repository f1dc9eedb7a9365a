package dev.attune.dsl.syntax;

import dev.attune.dsl.syntax.generated.AttnLexer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.antlr.v4.runtime.Token;
import org.antlr.v4.runtime.Vocabulary;
import org.antlr.v4.runtime.WritableToken;
import org.antlr.v4.runtime.misc.IntervalSet;

/** Says tokens, and sets of tokens, in the words of someone who writes attention. */
final class Words {
  private static final int[] STARTS_EXPRESSION = {
    AttnLexer.IDENTIFIER, AttnLexer.INTEGER, AttnLexer.REAL, AttnLexer.LPAREN
  };
  private static final int[] BETWEEN_OPERANDS = {
    AttnLexer.STAR, AttnLexer.SLASH, AttnLexer.FLOOR_DIV, AttnLexer.PERCENT
  };
  private static final int[] STARTS_MEMBER = {
    AttnLexer.PARAM, AttnLexer.TENSOR, AttnLexer.SCORE, AttnLexer.MASK
  };
  private static final int[] STARTS_ITEM = {AttnLexer.ATTENTION, AttnLexer.IMPORT};

  private static final Vocabulary VOCABULARY = AttnLexer.VOCABULARY;

  private Words() {}

  /** The token as it stands in the text. */
  static String found(Token token) {
    return switch (token.getType()) {
      case Token.EOF -> "the end of the file";
      case AttnLexer.INTEGER, AttnLexer.REAL -> "the number " + shortened(token.getText());
      default -> quote(shortened(token.getText()));
    };
  }

  /** What may stand at a place, as "a, b or c". */
  static String expected(IntervalSet tokens) {
    List<String> words = new ArrayList<>();
    IntervalSet rest = new IntervalSet(tokens);
    if (containsAll(rest, STARTS_EXPRESSION)) {
      words.add("an expression");
      remove(rest, startsOfExpressions());
    }
    if (containsAll(rest, BETWEEN_OPERANDS)) {
      words.add("an operator");
      remove(rest, operators());
    }
    if (containsAll(rest, STARTS_MEMBER)) {
      words.add("a clause such as score, mask or param");
      remove(rest, memberStarts());
    }
    if (containsAll(rest, STARTS_ITEM)) {
      words.add("a declaration such as attention, def or import");
      remove(rest, itemStarts());
      rest.remove(Token.EOF);
    }
    if (rest.contains(AttnLexer.INT) && rest.contains(AttnLexer.BOOL)) {
      words.add("a type (int, float or bool)");
      remove(rest, new int[] {AttnLexer.INT, AttnLexer.FLOAT, AttnLexer.BOOL});
    }
    TreeSet<Integer> single = new TreeSet<>(rest.toList());
    for (int type : single) {
      words.add(name(type));
    }
    return join(words);
  }

  /** The words, with commas and a last "or". */
  static String join(List<String> words) {
    if (words.size() <= 1) {
      return words.isEmpty() ? "something else" : words.getFirst();
    }
    return String.join(", ", words.subList(0, words.size() - 1)) + " or " + words.getLast();
  }

  private static String name(int type) {
    return switch (type) {
      case Token.EOF -> "the end of the file";
      case AttnLexer.IDENTIFIER -> "a name";
      case AttnLexer.INTEGER, AttnLexer.REAL -> "a number";
      default -> {
        String literal = VOCABULARY.getLiteralName(type);
        yield literal == null
            ? "something else"
            : quote(literal.substring(1, literal.length() - 1));
      }
    };
  }

  /** Whether the token is a word of the language, which nothing can be called. */
  static boolean keyword(int type) {
    return type >= AttnLexer.ATTENTION && type <= AttnLexer.BOOL;
  }

  /** Every word of the language. */
  static List<String> keywords() {
    return IntStream.rangeClosed(AttnLexer.ATTENTION, AttnLexer.BOOL)
        .mapToObj(VOCABULARY::getLiteralName)
        .map(l -> l.substring(1, l.length() - 1))
        .toList();
  }

  /** The words that a declaration or clause can start with. */
  static List<String> starters() {
    return IntStream.concat(Arrays.stream(memberStarts()), Arrays.stream(itemStarts()))
        .distinct()
        .filter(t -> keyword(t))
        .mapToObj(VOCABULARY::getLiteralName)
        .map(l -> l.substring(1, l.length() - 1))
        .toList();
  }

  /** Whether a declaration or clause can start with the token. */
  static boolean starts(int type) {
    return IntStream.concat(Arrays.stream(memberStarts()), Arrays.stream(itemStarts()))
        .anyMatch(t -> t == type);
  }

  /** Makes a character of mathematics the operator that it stands for. */
  static void readAsMeant(WritableToken token) {
    int type = meant(token.getText());
    if (type != AttnLexer.UNKNOWN) {
      String literal = VOCABULARY.getLiteralName(type);
      token.setType(type);
      token.setText(literal.substring(1, literal.length() - 1));
    }
  }

  private static int meant(String character) {
    return switch (character) {
      case "\u2264" -> AttnLexer.LE;
      case "\u2265" -> AttnLexer.GE;
      case "\u2260" -> AttnLexer.NE;
      case "\u00d7", "\u00b7" -> AttnLexer.STAR;
      case "\u2212", "\u2013" -> AttnLexer.MINUS;
      case "\u2227" -> AttnLexer.AND;
      case "\u2228" -> AttnLexer.OR;
      default -> AttnLexer.UNKNOWN;
    };
  }

  /** What to write instead of a character of another language. */
  static Optional<String> characterHelp(String character) {
    return switch (character) {
      case "!" -> Optional.of("write not for negation and != for inequality");
      case "#" -> Optional.of("comments start with //");
      case "?" -> Optional.of("write if c then a else b");
      case "\u2264" -> Optional.of("write <=");
      case "\u2265" -> Optional.of("write >=");
      case "\u2260" -> Optional.of("write !=");
      case "\u00d7", "\u00b7" -> Optional.of("write *");
      case "\u2212", "\u2013" -> Optional.of("write - (hyphen-minus)");
      case "\u2227" -> Optional.of("write and");
      case "\u2228" -> Optional.of("write or");
      case "\"", "'" -> Optional.of("the language has no strings");
      default -> Optional.empty();
    };
  }

  private static String shortened(String text) {
    return text.length() <= 40 ? text : text.substring(0, 37) + "...";
  }

  private static String quote(String text) {
    return "'" + text + "'";
  }

  private static boolean containsAll(IntervalSet set, int[] types) {
    return Arrays.stream(types).allMatch(set::contains);
  }

  private static void remove(IntervalSet set, int[] types) {
    Arrays.stream(types).forEach(set::remove);
  }

  private static int[] startsOfExpressions() {
    return new int[] {
      AttnLexer.IDENTIFIER, AttnLexer.INTEGER, AttnLexer.REAL, AttnLexer.LPAREN, AttnLexer.MINUS,
      AttnLexer.TILDE, AttnLexer.NOT, AttnLexer.IF, AttnLexer.TRUE, AttnLexer.FALSE,
      AttnLexer.SCORE, AttnLexer.INT, AttnLexer.FLOAT, AttnLexer.SUM, AttnLexer.ANY
    };
  }

  private static int[] operators() {
    return new int[] {
      AttnLexer.STAR,
      AttnLexer.SLASH,
      AttnLexer.FLOOR_DIV,
      AttnLexer.PERCENT,
      AttnLexer.PLUS,
      AttnLexer.MINUS,
      AttnLexer.SHL,
      AttnLexer.SHR,
      AttnLexer.AMP,
      AttnLexer.CARET,
      AttnLexer.BAR,
      AttnLexer.LT,
      AttnLexer.LE,
      AttnLexer.GT,
      AttnLexer.GE,
      AttnLexer.EQ,
      AttnLexer.NE,
      AttnLexer.AND,
      AttnLexer.OR,
      AttnLexer.AT
    };
  }

  private static int[] memberStarts() {
    return new int[] {
      AttnLexer.PARAM, AttnLexer.TENSOR, AttnLexer.CONST, AttnLexer.LET, AttnLexer.DEF,
      AttnLexer.SCORE, AttnLexer.MASK, AttnLexer.SINK, AttnLexer.WEIGHT, AttnLexer.OUTPUT,
      AttnLexer.DTYPE, AttnLexer.HEAD_DIM, AttnLexer.INSTANCES
    };
  }

  private static int[] itemStarts() {
    return new int[] {
      AttnLexer.ATTENTION, AttnLexer.IMPORT, AttnLexer.CONST, AttnLexer.LET, AttnLexer.DEF
    };
  }
}
