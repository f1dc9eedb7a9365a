/** Tests of caches. */
@NullMarked
package dev.attune.runtime.cache;

import org.jspecify.annotations.NullMarked;
