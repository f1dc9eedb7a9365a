package dev.attune.compiler.tile;

import dev.attune.compiler.spec.Operand;

/**
 * A ring of buffers through which tiles of one operand travel from memory to their readers, in
 * order. At most {@code stages} tiles are between their {@link Op.Put} and their {@link
 * Op.Release}.
 */
public record Channel(String name, Operand operand, Type.Tile type, int stages) {
  public Channel {
    if (stages < 1) {
      throw new IllegalArgumentException("a channel of " + stages + " stages");
    }
  }
}
