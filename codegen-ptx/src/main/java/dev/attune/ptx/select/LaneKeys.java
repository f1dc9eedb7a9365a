package dev.attune.ptx.select;

/**
 * The keys of a lane in a kv tile.
 *
 * @param first the position of its first column
 * @param whole whether all keys of the tile are before Skv
 */
public record LaneKeys(IntVal first, boolean whole) {

  /** The key of column {@code 8n + e % 2}. */
  IntVal at(int n, int e) {
    return first.plus(8L * n + e % 2);
  }
}
