package dev.attune.dsl.diagnostic;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;

/** Diagnostics as text: for a terminal, as one line for other tools, and as JSON. */
public final class Rendering {
  private static final ObjectMapper JSON = new ObjectMapper();

  private Rendering() {}

  /**
   * The diagnostic with an excerpt of the source, over several lines, each ended by a newline.
   *
   * @param colour whether to use ANSI colours
   */
  public static String terminal(Diagnostic diagnostic, boolean colour) {
    return new Excerpt(diagnostic, colour ? Palette.ANSI : Palette.PLAIN).render();
  }

  /** {@code file:line:column: error[ATTN006]: message}, without a newline. */
  public static String line(Diagnostic d) {
    Span at = d.primary().span();
    return "%s:%d:%d: %s[%s]: %s"
        .formatted(
            at.source().name(),
            at.line(),
            at.column(),
            d.severity().word(),
            d.code().id(),
            d.message());
  }

  /**
   * A JSON array with one object per diagnostic. Lines and columns start at 1, columns count code
   * points, ends are exclusive, offsets count UTF-16 units.
   */
  public static String json(List<Diagnostic> diagnostics) {
    ArrayNode all = JSON.createArrayNode();
    for (Diagnostic d : diagnostics) {
      ObjectNode node = all.addObject();
      node.put("severity", d.severity().word());
      node.put("code", d.code().id());
      node.put("message", d.message());
      put(node.putObject("primary"), d.primary());
      ArrayNode secondary = node.putArray("secondary");
      d.secondary().forEach(label -> put(secondary.addObject(), label));
      ArrayNode notes = node.putArray("notes");
      d.notes().forEach(notes::add);
      d.help()
          .ifPresent(
              help -> {
                node.put("help", help.text());
                help.edit()
                    .ifPresent(
                        edit -> {
                          ObjectNode fix = node.putObject("fix");
                          put(fix, edit.span());
                          fix.put("replacement", edit.replacement());
                        });
              });
    }
    try {
      return JSON.writerWithDefaultPrettyPrinter().writeValueAsString(all);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }

  private static void put(ObjectNode node, Label label) {
    put(node, label.span());
    node.put("label", label.text());
  }

  private static void put(ObjectNode node, Span span) {
    node.put("file", span.source().name());
    node.put("line", span.line());
    node.put("column", span.column());
    node.put("endLine", span.source().line(span.end()));
    node.put("endColumn", span.source().column(span.end()));
    node.put("offset", span.start());
    node.put("length", span.end() - span.start());
  }
}
