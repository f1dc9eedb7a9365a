/**
 * The meaning of one attention, and nothing else: no tile, no layout, no memory. Everything below
 * this package (analysis, lowering, code generation) and the {@code reference} that judges it reads
 * an {@link dev.attune.compiler.spec.AttentionSpec}.
 */
@NullMarked
package dev.attune.compiler.spec;

import org.jspecify.annotations.NullMarked;
