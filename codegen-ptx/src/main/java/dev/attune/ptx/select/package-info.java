/** From tile operations to instructions: what every family shares. */
@NullMarked
package dev.attune.ptx.select;

import org.jspecify.annotations.NullMarked;
