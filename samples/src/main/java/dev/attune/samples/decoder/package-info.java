/**
 * A decoder in plain Java whose layers alternate between two attentions, as Gemma 2's do. Weights
 * are made from a seed, and the result is checked against the same decoder with exact attention.
 */
@NullMarked
package dev.attune.samples.decoder;

import org.jspecify.annotations.NullMarked;
