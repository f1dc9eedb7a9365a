/**
 * The IR between the meaning and the instructions: the online-softmax algorithm of one CTA over
 * tiles, in which the schedule shows (phases, channels, lazy rescaling), so that it can be printed,
 * verified, interpreted and selected from.
 */
@NullMarked
package dev.attune.compiler.tile;

import org.jspecify.annotations.NullMarked;
