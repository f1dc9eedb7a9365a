package dev.attune.runtime.vectors;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * How closely outputs must agree, word by word: bit for bit, or as binary32 numbers within {@code
 * relative·|recorded| + absolute}, where infinities and NaNs must still agree in kind.
 */
record Agreement(double relative, double absolute) {
  /** Bit for bit. */
  static final Agreement BITS = new Agreement(0, 0);

  /**
   * What a comparison found.
   *
   * @param words compared
   * @param wrong words that do not agree
   * @param first the first of them, negative if there is none
   * @param text the first disagreement in words
   */
  record Found(int words, int wrong, int first, String text) {
    boolean agrees() {
      return wrong == 0;
    }

    @Override
    public String toString() {
      return agrees()
          ? "%d words agree".formatted(words)
          : "%d of %d words disagree; word %d: %s".formatted(wrong, words, first, text);
    }
  }

  /** Compares outputs of the same case. */
  Found compare(byte[] recorded, byte[] found) {
    if (recorded.length != found.length || recorded.length % 4 != 0) {
      throw new IllegalArgumentException(
          "%d bytes were recorded, %d found".formatted(recorded.length, found.length));
    }
    ByteBuffer a = ByteBuffer.wrap(recorded).order(ByteOrder.LITTLE_ENDIAN);
    ByteBuffer b = ByteBuffer.wrap(found).order(ByteOrder.LITTLE_ENDIAN);
    int wrong = 0;
    int first = -1;
    String text = "";
    for (int i = 0; i < recorded.length / 4; i++) {
      int x = a.getInt(4 * i);
      int y = b.getInt(4 * i);
      if (!agree(x, y)) {
        if (wrong++ == 0) {
          first = i;
          text = "%s recorded, %s found".formatted(text(x), text(y));
        }
      }
    }
    return new Found(recorded.length / 4, wrong, first, text);
  }

  private boolean agree(int recorded, int found) {
    if (recorded == found || equals(BITS)) {
      return recorded == found;
    }
    float x = Float.intBitsToFloat(recorded);
    float y = Float.intBitsToFloat(found);
    if (!Float.isFinite(x) || !Float.isFinite(y)) {
      return Float.compare(x, y) == 0;
    }
    return Math.abs((double) x - y) <= relative * Math.abs((double) x) + absolute;
  }

  private static String text(int word) {
    return "%08x (%s)".formatted(word, Float.intBitsToFloat(word));
  }
}
