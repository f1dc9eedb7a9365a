package dev.attune.dsl.diagnostic;

/**
 * A stretch of a source.
 *
 * @param start offset of the first UTF-16 unit
 * @param end offset after the last; equal to {@code start} for a place between two characters
 */
public record Span(Source source, int start, int end) {
  public Span {
    if (start < 0 || end < start || end > source.text().length()) {
      throw new IllegalArgumentException(
          "span [%d, %d) of %d characters".formatted(start, end, source.text().length()));
    }
  }

  /** The 1-based line where it starts. */
  public int line() {
    return source.line(start);
  }

  /** The 1-based column where it starts, in code points. */
  public int column() {
    return source.column(start);
  }

  /** The text it covers. */
  public String text() {
    return source.text().substring(start, end);
  }

  /** The least span that covers this one and another of the same source. */
  public Span to(Span other) {
    return new Span(source, Math.min(start, other.start), Math.max(end, other.end));
  }

  @Override
  public String toString() {
    return source + ":" + line() + ":" + column();
  }
}
