/**
 * What can be known of an expression without running it: the values it may take, which tiles of a
 * mask are empty, full or partial, and the range of keys that the rows of a tile can see. Every
 * answer is sound: where nothing is known it is "unknown", never wrong.
 */
@NullMarked
package dev.attune.compiler.analysis;

import org.jspecify.annotations.NullMarked;
