package dev.attune.dsl.diagnostic;

import java.util.Optional;

/**
 * A way out.
 *
 * @param text what to write instead, with an example
 * @param edit the same as a change that a tool can make, where there is exactly one
 */
public record Help(String text, Optional<Edit> edit) {

  /** Help in words only. */
  public static Help of(String text) {
    return new Help(text, Optional.empty());
  }

  /** Help that a tool can apply. */
  public static Help edit(String text, Span span, String replacement) {
    return new Help(text, Optional.of(new Edit(span, replacement)));
  }

  /** Replaces the text of {@code span}. */
  public record Edit(Span span, String replacement) {}
}
