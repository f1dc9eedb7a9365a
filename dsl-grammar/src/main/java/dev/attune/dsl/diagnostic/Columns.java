package dev.attune.dsl.diagnostic;

/** How wide text is on a terminal. */
final class Columns {
  /** A tab reaches to the next multiple of this many columns. */
  static final int TAB = 4;

  private Columns() {}

  /** The columns that the first {@code end} UTF-16 units of a line take. */
  static int width(String line, int end) {
    int width = 0;
    int at = 0;
    while (at < Math.min(end, line.length())) {
      int c = line.codePointAt(at);
      width += c == '\t' ? TAB - width % TAB : width(c);
      at += Character.charCount(c);
    }
    return width;
  }

  /** The line as it is printed: tabs as blanks. */
  static String expand(String line) {
    StringBuilder out = new StringBuilder();
    int width = 0;
    for (int c : line.codePoints().toArray()) {
      if (c == '\t') {
        int blanks = TAB - width % TAB;
        out.repeat(' ', blanks);
        width += blanks;
      } else {
        out.appendCodePoint(Character.isISOControl(c) ? 0xFFFD : c);
        width += width(c);
      }
    }
    return out.toString();
  }

  /** What stands in the columns [from, from + count) of an expanded line. */
  static String window(String line, int from, int count) {
    StringBuilder out = new StringBuilder();
    int width = 0;
    for (int c : line.codePoints().toArray()) {
      if (width >= from && width + width(c) <= from + count) {
        out.appendCodePoint(c);
      }
      width += width(c);
    }
    return out.toString();
  }

  /** Columns of one character: 0 for what combines with the one before, 2 for wide ones. */
  private static int width(int c) {
    return switch (Character.getType(c)) {
      case Character.NON_SPACING_MARK, Character.ENCLOSING_MARK, Character.FORMAT -> 0;
      default -> wide(c) ? 2 : 1;
    };
  }

  /** East Asian wide and fullwidth characters and emoji (Unicode TR 11, by block). */
  private static boolean wide(int c) {
    return (c >= 0x1100 && c <= 0x115F)
        || (c >= 0x2E80 && c <= 0x303E)
        || (c >= 0x3041 && c <= 0xA4CF)
        || (c >= 0xAC00 && c <= 0xD7A3)
        || (c >= 0xF900 && c <= 0xFAFF)
        || (c >= 0xFE30 && c <= 0xFE6F)
        || (c >= 0xFF00 && c <= 0xFF60)
        || (c >= 0xFFE0 && c <= 0xFFE6)
        || (c >= 0x1F300 && c <= 0x1F64F)
        || (c >= 0x1F680 && c <= 0x1F6FF)
        || (c >= 0x1F900 && c <= 0x1F9FF)
        || (c >= 0x20000 && c <= 0x3FFFD);
  }
}
