package dev.attune.dsl.diagnostic;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** One text in the language, with the name the user knows it by. Lines end in LF, CRLF or CR. */
public final class Source {
  private final String name;
  private final String text;
  private final int[] lineStarts;

  /**
   * A text under a name.
   *
   * @param name as the user wrote it: a path, or a word in angle brackets for text with no file
   * @param text a leading byte order mark is dropped
   */
  public Source(String name, String text) {
    this.name = name;
    this.text = text.startsWith("\uFEFF") ? text.substring(1) : text;
    this.lineStarts = lineStarts(this.text);
  }

  /** UTF-8 text; each malformed byte becomes U+FFFD, which the parser reports. */
  public static Source decode(String name, byte[] utf8) {
    return new Source(name, new String(utf8, StandardCharsets.UTF_8));
  }

  private static int[] lineStarts(String text) {
    int[] starts = new int[16];
    int count = 1;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      boolean lineEnd =
          c == '\n' || (c == '\r' && (i + 1 == text.length() || text.charAt(i + 1) != '\n'));
      if (lineEnd) {
        if (count == starts.length) {
          starts = Arrays.copyOf(starts, 2 * count);
        }
        starts[count++] = i + 1;
      }
    }
    return Arrays.copyOf(starts, count);
  }

  /** The name given by the user. */
  public String name() {
    return name;
  }

  /** The whole text. */
  public String text() {
    return text;
  }

  /** The number of lines; an empty text has one. */
  public int lines() {
    return lineStarts.length;
  }

  /** The 1-based line of an offset; the end of the text belongs to the last line. */
  public int line(int offset) {
    int found = Arrays.binarySearch(lineStarts, offset);
    return found >= 0 ? found + 1 : -found - 1;
  }

  /** The 1-based column of an offset, counted in code points. */
  public int column(int offset) {
    int start = lineStarts[line(offset) - 1];
    return text.codePointCount(start, Math.min(offset, text.length())) + 1;
  }

  /** The offset of the first character of a 1-based line. */
  public int lineStart(int line) {
    return lineStarts[line - 1];
  }

  /** The text of a 1-based line without its line end. */
  public String lineText(int line) {
    int start = lineStarts[line - 1];
    int end = line < lineStarts.length ? lineStarts[line] : text.length();
    while (end > start && (text.charAt(end - 1) == '\n' || text.charAt(end - 1) == '\r')) {
      end--;
    }
    return text.substring(start, end);
  }

  @Override
  public String toString() {
    return name;
  }
}
