package dev.attune.compiler.tile;

/**
 * A value of the tile IR; it has one definition in its role.
 *
 * @param name unique among the values of a role; roles share no values, whatever their names
 */
public record Value(String name, Type type) {

  /** The type, known to be a tile. */
  public Type.Tile tile() {
    return (Type.Tile) type;
  }

  @Override
  public String toString() {
    return name;
  }
}
