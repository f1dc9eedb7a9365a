/**
 * An emulator for printed PTX: {@link dev.attune.ptx.emulate.EmulatedModule} parses the text,
 * {@link dev.attune.ptx.emulate.EmulatedEntry} runs an entry over an {@link
 * dev.attune.ptx.emulate.EmulatedMemory}. It knows nothing of the code that prints PTX, so that a
 * mistake in printing, layout or synchronisation cannot be repeated here; and it refuses whatever
 * it does not know. Running is checked: bounds, alignment, uninitialised reads, races between
 * threads of a CTA by happens-before, early reads of asynchronous copies, registers of a {@code
 * wgmma} in flight, missing fences, divergent barriers, deadlocks, and outputs that are not written
 * exactly once.
 */
@NullMarked
package dev.attune.ptx.emulate;

import org.jspecify.annotations.NullMarked;
