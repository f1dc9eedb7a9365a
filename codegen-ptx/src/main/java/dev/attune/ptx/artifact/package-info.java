/**
 * What a compilation leaves behind: PTX text, optionally machine code, and the manifest that tells
 * any host how to launch it.
 */
@NullMarked
package dev.attune.ptx.artifact;

import org.jspecify.annotations.NullMarked;
