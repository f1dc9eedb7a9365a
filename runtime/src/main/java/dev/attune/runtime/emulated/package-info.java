/** The PTX emulator as a device: the same artifacts, the same checks, no GPU. */
@NullMarked
package dev.attune.runtime.emulated;

import org.jspecify.annotations.NullMarked;
