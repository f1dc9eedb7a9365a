package dev.attune.compiler.check;

import dev.attune.compiler.spec.Origin;
import dev.attune.dsl.diagnostic.Span;

/** Where in the text a part of the meaning came from. */
final class Origins {
  private Origins() {}

  static Origin of(Span span) {
    return new Origin(span.source().name(), span.line());
  }
}
