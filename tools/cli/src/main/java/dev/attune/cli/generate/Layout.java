package dev.attune.cli.generate;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/**
 * Lays generated Java out as google-java-format does: Javadoc is filled, and what does not fit into
 * a line is broken at its arguments, then at the links of a chain of calls. Knows just the forms
 * that launchers have.
 */
final class Layout {
  private static final int COLUMNS = 100;

  private final List<String> out = new ArrayList<>();

  private Layout() {}

  /** The same source with other line breaks. */
  static String format(String source) {
    Layout layout = new Layout();
    List<String> lines = source.lines().toList();
    for (int i = 0; i < lines.size(); i++) {
      String line = lines.get(i);
      int indent = line.length() - line.stripLeading().length();
      StringBuilder text = new StringBuilder(line.strip());
      if (text.toString().equals("/**")) {
        List<String> doc = new ArrayList<>();
        for (i++; !lines.get(i).strip().equals("*/"); i++) {
          doc.add(lines.get(i).strip().substring(1).replaceFirst("^ ", ""));
        }
        layout.javadoc(indent, doc);
      } else if (text.toString().startsWith("@") && text.toString().endsWith("(")) {
        layout.line(indent, text.toString());
        for (i++; !lines.get(i).strip().equals(")"); i++) {
          boolean last = lines.get(i + 1).strip().equals(")");
          layout.line(indent + 4, lines.get(i).strip() + (last ? ")" : ""));
        }
      } else if (text.toString().matches("(public|private|return) .*")) {
        while (!text.toString().matches("(?s).*[{;]")) {
          text.append(text.charAt(text.length() - 1) == '(' ? "" : " ");
          text.append(lines.get(++i).strip());
        }
        layout.statement(indent, text.toString());
      } else {
        layout.out.add(line);
      }
    }
    return String.join("\n", layout.out) + "\n";
  }

  private void line(int indent, String text) {
    out.add(" ".repeat(indent) + text);
  }

  private static boolean fits(int indent, String text) {
    return indent + text.length() <= COLUMNS;
  }

  private void statement(int indent, String text) {
    int value = text.indexOf(" = ");
    if (fits(indent, text) || value < 0) {
      call(indent, text);
    } else {
      line(indent, text.substring(0, value + 2));
      call(indent + 4, text.substring(value + 3));
    }
  }

  /** A call or a declaration of a method: its arguments on a line of their own, or a line each. */
  private void call(int indent, String text) {
    int open = text.indexOf('(');
    int close = text.lastIndexOf(')');
    if (fits(indent, text) || open < 0 || close == open + 1) {
      line(indent, text);
      return;
    }
    line(indent, text.substring(0, open + 1));
    String arguments = text.substring(open + 1);
    if (fits(indent + 4, arguments)) {
      line(indent + 4, arguments);
      return;
    }
    String after = text.substring(close);
    List<String> each = split(text.substring(open + 1, close), ',');
    for (int i = 0; i < each.size(); i++) {
      chain(indent + 4, each.get(i).strip() + (i == each.size() - 1 ? after : ","));
    }
  }

  private void chain(int indent, String text) {
    List<String> links = split(text, '.');
    if (fits(indent, text) || links.size() < 3) {
      line(indent, text);
      return;
    }
    line(indent, links.get(0) + "." + links.get(1));
    links.subList(2, links.size()).forEach(link -> call(indent + 4, "." + link));
  }

  /** The parts between separators that are in no parentheses and no string. */
  private static List<String> split(String text, char separator) {
    List<String> parts = new ArrayList<>();
    int depth = 0;
    int start = 0;
    boolean quoted = false;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (quoted && c == '\\') {
        i++;
      } else if (c == '"') {
        quoted = !quoted;
      } else if (!quoted) {
        depth += c == '(' ? 1 : c == ')' ? -1 : 0;
        if (c == separator && depth == 0) {
          parts.add(text.substring(start, i));
          start = i + 1;
        }
      }
    }
    parts.add(text.substring(start));
    return parts;
  }

  private void javadoc(int indent, List<String> doc) {
    String whole = doc.stream().map(String::strip).collect(Collectors.joining(" ")).strip();
    boolean paragraph =
        doc.stream().noneMatch(l -> l.isBlank() || l.startsWith("@") || l.startsWith("<pre>"));
    if (paragraph && fits(indent, "/** " + whole + " */")) {
      line(indent, "/** " + whole + " */");
      return;
    }
    line(indent, "/**");
    List<String> words = new ArrayList<>();
    boolean code = false;
    for (String line : doc) {
      boolean own = code || line.equals("<pre>") || line.isBlank();
      if (own || line.startsWith("@")) {
        fill(indent, words);
      }
      if (own) {
        code = line.equals("<pre>") || (code && !line.equals("</pre>"));
        line(indent, (" * " + line).stripTrailing());
      } else {
        words.addAll(Arrays.asList(line.strip().split(" +", -1)));
      }
    }
    fill(indent, words);
    line(indent, " */");
  }

  /** Writes words and forgets them; what continues a block tag is indented. */
  private void fill(int indent, List<String> words) {
    if (words.isEmpty()) {
      return;
    }
    String next = words.getFirst().startsWith("@") ? " *     " : " * ";
    StringBuilder line = new StringBuilder(" * ").append(words.getFirst());
    for (String word : words.subList(1, words.size())) {
      if (fits(indent, line + " " + word)) {
        line.append(' ').append(word);
      } else {
        line(indent, line.toString());
        line.setLength(0);
        line.append(next).append(word);
      }
    }
    line(indent, line.toString());
    words.clear();
  }
}
