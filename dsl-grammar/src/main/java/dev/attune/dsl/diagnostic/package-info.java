/**
 * What is wrong with a {@code .attn} file, as data: a {@link dev.attune.dsl.diagnostic.Diagnostic}
 * names a code, a place and a way out. Renderings for people, tools and editors are functions on
 * it.
 */
@NullMarked
package dev.attune.dsl.diagnostic;

import org.jspecify.annotations.NullMarked;
