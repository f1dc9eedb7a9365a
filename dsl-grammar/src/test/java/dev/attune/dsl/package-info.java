/** Tests of the language as a whole. */
@NullMarked
package dev.attune.dsl;

import org.jspecify.annotations.NullMarked;
