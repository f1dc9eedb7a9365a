/**
 * The text of a {@code .attn} file and its syntax tree, in which every node knows its {@link
 * dev.attune.dsl.diagnostic.Span}. Names are not resolved and types not checked here.
 */
@NullMarked
package dev.attune.dsl.syntax;

import org.jspecify.annotations.NullMarked;
