package dev.attune.cli.generate;

import dev.attune.compiler.spec.Origin;
import java.util.ArrayList;
import java.util.List;

/** What the comments of a file say, as Javadoc. */
final class Comments {
  private final List<String> lines;

  Comments(String text) {
    this.lines = text.lines().toList();
  }

  /** The comment that the file begins with: its paragraphs, its indented lines as code. */
  String header() {
    StringBuilder doc = new StringBuilder();
    List<String> code = new ArrayList<>();
    boolean paragraph = false;
    for (String line : lines.stream().takeWhile(l -> l.startsWith("//")).toList()) {
      String text = line.substring(2);
      if (text.startsWith("   ")) {
        code.add(text.substring(1).stripTrailing());
        continue;
      }
      if (!code.isEmpty()) {
        appendCode(doc, code);
        paragraph = false;
      }
      if (text.isBlank()) {
        paragraph = false;
      } else {
        doc.append(paragraph ? "\n" : doc.isEmpty() ? "" : "\n\n<p>").append(escape(text.strip()));
        paragraph = true;
      }
    }
    appendCode(doc, code);
    return doc.toString();
  }

  private static void appendCode(StringBuilder doc, List<String> code) {
    if (!code.isEmpty()) {
      doc.append(doc.isEmpty() ? "" : "\n\n").append("<pre>\n");
      code.forEach(line -> doc.append(escape(line)).append('\n'));
      doc.append("</pre>");
      code.clear();
    }
  }

  /** What is said of a declaration: behind it on its line, or else in the lines above it. */
  String of(Origin origin) {
    if (origin.line() < 1 || origin.line() > lines.size()) {
      return "";
    }
    String line = lines.get(origin.line() - 1);
    int at = comment(line);
    if (at >= 0) {
      return escape(line.substring(at + 2).strip());
    }
    List<String> above = new ArrayList<>();
    for (int i = origin.line() - 2; i >= 0 && lines.get(i).strip().startsWith("//"); i--) {
      if (!lines.get(i).startsWith("//")) {
        above.addFirst(lines.get(i).strip().substring(2).strip());
      }
    }
    return escape(String.join(" ", above));
  }

  /** Where a comment starts: in brackets, as in those of a shape, {@code //} divides. */
  private static int comment(String line) {
    int depth = 0;
    for (int i = 0; i < line.length(); i++) {
      char c = line.charAt(i);
      depth += c == '[' || c == '(' ? 1 : c == ']' || c == ')' ? -1 : 0;
      if (depth == 0 && line.startsWith("//", i)) {
        return i;
      }
    }
    return -1;
  }

  /** Text as HTML in a Javadoc comment. */
  static String escape(String text) {
    StringBuilder out = new StringBuilder();
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      switch (c) {
        case '&' -> out.append("&amp;");
        case '<' -> out.append("&lt;");
        case '>' -> out.append("&gt;");
        case '@' -> out.append("&#64;");
        case '{' -> out.append("&#123;");
        case '}' -> out.append("&#125;");
        case '\\' -> out.append("&#92;");
        case '*' ->
            out.append(out.isEmpty() || out.charAt(out.length() - 1) == '/' ? "&#42;" : "*");
        case '/' ->
            out.append(out.isEmpty() || out.charAt(out.length() - 1) == '*' ? "&#47;" : "/");
        default -> out.append(c);
      }
    }
    return out.toString();
  }
}
