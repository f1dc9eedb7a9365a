/**
 * Rewrites of the tile IR. Each pass is a value with a name; the pipeline is a list of them; the
 * kernel is verified after each.
 */
@NullMarked
package dev.attune.compiler.pass;

import org.jspecify.annotations.NullMarked;
