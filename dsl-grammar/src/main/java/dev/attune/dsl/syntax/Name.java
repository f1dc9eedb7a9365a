package dev.attune.dsl.syntax;

import dev.attune.dsl.diagnostic.Span;

/** A word chosen by the user, where it stands. */
public record Name(String text, Span span) {}
