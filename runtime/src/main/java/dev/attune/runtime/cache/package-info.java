/**
 * What was made once and may be made again: compiled artifacts, machine code, passed self-tests. A
 * cache is never needed and never trusted: every entry proves that it is whole, and whatever goes
 * wrong is as if the entry were not there.
 */
@NullMarked
package dev.attune.runtime.cache;

import org.jspecify.annotations.NullMarked;
