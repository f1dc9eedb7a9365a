/** The library of attention variants: one {@code .attn} file each, with its formula and source. */
@NullMarked
package dev.attune.specs;

import org.jspecify.annotations.NullMarked;
