package dev.attune.dsl.diagnostic;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Lays out one diagnostic: the message, then each source with the labelled lines and marks under
 * them, then notes and help.
 *
 * <pre>
 * error[ATTN052]: the cap of softcap must be greater than zero
 *   --> gemma2.attn:7:33
 *    |
 *  7 |   score = softcap(score * scale, 0)
 *    |           -------                ^ never above zero
 *    |           |
 *    |           softcap(x, cap) is cap * tanh(x / cap)
 *    = help: …
 * </pre>
 */
final class Excerpt {
  /** Columns shown of a line that is longer. */
  private static final int WINDOW = 120;

  private final Diagnostic diagnostic;
  private final Palette palette;
  private final StringBuilder out = new StringBuilder();
  private final int margin;

  /** A label within one line: columns from 0, end exclusive. */
  private record Mark(int start, int end, boolean primary, String text) {}

  Excerpt(Diagnostic diagnostic, Palette palette) {
    this.diagnostic = diagnostic;
    this.palette = palette;
    int last = diagnostic.primary().span().line();
    for (Label label : diagnostic.secondary()) {
      last = Math.max(last, label.span().line());
    }
    this.margin = Integer.toString(last).length();
  }

  String render() {
    Severity severity = diagnostic.severity();
    out.append(palette.of(severity))
        .append(severity.word())
        .append('[')
        .append(diagnostic.code().id())
        .append(']')
        .append(palette.end())
        .append(palette.strong())
        .append(": ")
        .append(diagnostic.message())
        .append(palette.end())
        .append('\n');
    Map<Source, Span> sources = new LinkedHashMap<>();
    sources.put(diagnostic.primary().span().source(), diagnostic.primary().span());
    diagnostic.secondary().forEach(l -> sources.putIfAbsent(l.span().source(), l.span()));
    boolean first = true;
    for (Map.Entry<Source, Span> entry : sources.entrySet()) {
      out.append(" ".repeat(margin + 1))
          .append(palette.margin())
          .append(first ? "--> " : "::: ")
          .append(palette.end())
          .append(entry.getValue())
          .append('\n');
      excerpt(entry.getKey());
      first = false;
    }
    for (String note : diagnostic.notes()) {
      trailer("note", note);
    }
    diagnostic.help().ifPresent(help -> trailer("help", help.text()));
    return out.toString();
  }

  private void trailer(String kind, String text) {
    out.append(" ".repeat(margin + 2))
        .append(palette.margin())
        .append("= ")
        .append(palette.end())
        .append(palette.help())
        .append(kind)
        .append(palette.end())
        .append(": ")
        .append(text)
        .append('\n');
  }

  private void excerpt(Source source) {
    TreeMap<Integer, List<Mark>> lines = new TreeMap<>();
    List<Label> labels = new ArrayList<>(List.of(diagnostic.primary()));
    labels.addAll(diagnostic.secondary());
    for (Label label : labels) {
      if (label.span().source().equals(source)) {
        int line = label.span().line();
        lines
            .computeIfAbsent(line, l -> new ArrayList<>())
            .add(mark(source, line, label, label.equals(diagnostic.primary())));
      }
    }
    gutter("").append('\n');
    int previous = -1;
    for (Map.Entry<Integer, List<Mark>> entry : lines.entrySet()) {
      int line = entry.getKey();
      if (previous > 0 && line > previous + 1) {
        out.append(palette.margin()).append("...").append(palette.end()).append('\n');
      }
      previous = line;
      gutter(Integer.toString(line));
      String text = Columns.expand(source.lineText(line));
      int from = windowStart(text, entry.getValue());
      String shown = from > 0 || text.length() > WINDOW ? Columns.window(text, from, WINDOW) : text;
      out.append(shown.isBlank() ? "" : " " + shown.stripTrailing()).append('\n');
      marks(visible(entry.getValue(), from));
    }
  }

  /** The first column shown of a line: 0 unless its marks lie beyond the window. */
  private static int windowStart(String text, List<Mark> marks) {
    Mark primary = marks.stream().filter(Mark::primary).findFirst().orElse(marks.getFirst());
    return text.length() <= WINDOW || primary.start() < WINDOW / 2
        ? 0
        : primary.start() - WINDOW / 2;
  }

  /** The marks in a window; one that begins before it or ends after it is cut. */
  private static List<Mark> visible(List<Mark> marks, int from) {
    return marks.stream()
        .filter(m -> m.end() > from && m.start() < from + WINDOW)
        .map(
            m ->
                new Mark(
                    Math.max(0, m.start() - from),
                    Math.min(WINDOW, m.end() - from),
                    m.primary(),
                    m.text()))
        .toList();
  }

  private static Mark mark(Source source, int line, Label label, boolean primary) {
    String text = source.lineText(line);
    int offset = label.span().start() - source.lineStart(line);
    int end = Math.min(text.length(), label.span().end() - source.lineStart(line));
    int from = Columns.width(text, offset);
    return new Mark(from, Math.max(from + 1, Columns.width(text, end)), primary, label.text());
  }

  /** The marks under a line: the last one's words beside it, the others' below. */
  private void marks(List<Mark> marks) {
    List<Mark> sorted =
        marks.stream()
            .sorted(Comparator.comparingInt(Mark::start).thenComparing(m -> !m.primary()))
            .toList();
    Mark last = sorted.getLast();
    int width = sorted.stream().mapToInt(Mark::end).max().orElseThrow();
    boolean beside = sorted.stream().allMatch(m -> m.equals(last) || m.end() <= last.start());
    char[] row = new char[width];
    for (int i = 0; i < width; i++) {
      row[i] = ' ';
      for (Mark mark : sorted) {
        if (mark.start() <= i && i < mark.end() && row[i] != '^') {
          row[i] = mark.primary() ? '^' : '-';
        }
      }
    }
    gutter("");
    out.append(' ').append(painted(new String(row)));
    if (beside && !last.text().isEmpty()) {
      out.append(' ').append(painted(last, last.text()));
    }
    out.append('\n');
    List<Mark> below =
        sorted.stream().filter(m -> !m.text().isEmpty() && !(beside && m.equals(last))).toList();
    if (below.isEmpty()) {
      return;
    }
    connectors(below, below.size());
    for (int i = below.size() - 1; i >= 0; i--) {
      Mark mark = below.get(i);
      gutter("");
      out.append(' ').append(bars(below.subList(0, i), mark.start()));
      out.append(painted(mark, mark.text())).append('\n');
    }
  }

  private void connectors(List<Mark> marks, int count) {
    gutter("");
    String bars = bars(marks.subList(0, count), Integer.MAX_VALUE);
    out.append(' ').append(bars.stripTrailing()).append('\n');
  }

  /** Bars at the starts of the marks, up to a column. */
  private static String bars(List<Mark> marks, int upTo) {
    StringBuilder row = new StringBuilder();
    for (Mark mark : marks) {
      if (mark.start() >= row.length() && mark.start() < upTo) {
        row.repeat(' ', mark.start() - row.length()).append('|');
      }
    }
    if (upTo < Integer.MAX_VALUE) {
      row.repeat(' ', Math.max(0, upTo - row.length()));
    }
    return row.toString();
  }

  private String painted(String marks) {
    if (palette.equals(Palette.PLAIN)) {
      return marks;
    }
    StringBuilder painted = new StringBuilder();
    char before = ' ';
    for (int i = 0; i < marks.length(); i++) {
      char c = marks.charAt(i);
      if (c != before) {
        painted.append(before == ' ' ? "" : palette.end());
        painted.append(
            c == '^' ? palette.of(diagnostic.severity()) : c == '-' ? palette.margin() : "");
      }
      painted.append(c);
      before = c;
    }
    return painted.append(before == ' ' ? "" : palette.end()).toString();
  }

  private String painted(Mark mark, String text) {
    String colour = mark.primary() ? palette.of(diagnostic.severity()) : palette.margin();
    return colour + text + palette.end();
  }

  private StringBuilder gutter(String number) {
    return out.append(palette.margin())
        .append(' ')
        .append(" ".repeat(margin - number.length()))
        .append(number)
        .append(" |")
        .append(palette.end());
  }
}
