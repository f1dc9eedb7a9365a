package dev.attune.dsl.diagnostic;

/**
 * A place and what is to be seen there.
 *
 * @param text a few words, lower case, without a full stop; empty where the message says it all
 */
public record Label(Span span, String text) {}
