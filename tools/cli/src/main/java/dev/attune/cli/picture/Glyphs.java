package dev.attune.cli.picture;

import java.util.HashMap;
import java.util.Locale;
import java.util.Map;

/** Letters of 3 by 5 dots, capitals only, for the labels of pictures. */
final class Glyphs {
  static final int WIDTH = 3;
  static final int HEIGHT = 5;

  /** A character, then its rows from the top, each a digit whose bits are the dots. */
  private static final String TABLE =
      """
      0 75557  1 26227  2 71747  3 71717  4 55711  5 74717  6 74757  7 71122  8 75757  9 75717
      A 25755  B 65656  C 34443  D 65556  E 74647  F 74644  G 34553  H 55755  I 72227  J 11152
      K 55655  L 44447  M 57755  N 00655  O 25552  P 65644  Q 25573  R 65655  S 34216  T 72222
      U 55557  V 55552  W 55775  X 55255  Y 55222  Z 71247  _ 00007  - 00700  , 00024  . 00002
      % 51245  = 07070  : 02020  / 11244  ( 24442  ) 21112
      """;

  private static final Map<Character, String> ROWS = rows();

  private Glyphs() {}

  private static Map<Character, String> rows() {
    Map<Character, String> rows = new HashMap<>();
    String[] words = TABLE.strip().split("\\s+", -1);
    for (int i = 0; i < words.length; i += 2) {
      rows.put(words[i].charAt(0), words[i + 1]);
    }
    return rows;
  }

  /** Whether a dot of a character is inked; a character without a glyph is blank. */
  static boolean ink(char c, int row, int column) {
    String upper = String.valueOf(c).toUpperCase(Locale.ROOT);
    String rows = ROWS.getOrDefault(upper.charAt(0), "00000");
    return (((rows.charAt(row) - '0') >> (WIDTH - 1 - column)) & 1) == 1;
  }
}
