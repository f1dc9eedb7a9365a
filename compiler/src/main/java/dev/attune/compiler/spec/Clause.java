package dev.attune.compiler.spec;

/** An expression of the spec with the line that states it. */
public record Clause(Expr expr, Origin origin) {}
