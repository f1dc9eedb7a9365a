package dev.attune.dsl.syntax;

import dev.attune.dsl.diagnostic.Span;

/** A type as it is written. */
public record TypeName(Kind kind, Span span) {
  /** The scalar types of the language. */
  public enum Kind {
    INT,
    FLOAT,
    BOOL
  }
}
