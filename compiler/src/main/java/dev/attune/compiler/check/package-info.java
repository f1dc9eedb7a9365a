/**
 * From syntax to meaning: resolves names, checks types, ranges and constructs that could not do
 * what they say, and yields an {@link dev.attune.compiler.spec.AttentionSpec} for every attention
 * without an error. {@link dev.attune.compiler.check.Frontend} is the way in.
 */
@NullMarked
package dev.attune.compiler.check;

import org.jspecify.annotations.NullMarked;
