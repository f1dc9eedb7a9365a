package dev.attune.runtime.cache;

/**
 * The name of an entry: what kind of thing it is, and everything that it was made from.
 *
 * @param kind a lower-case word, such as {@code cubin}
 * @param sha256 of what it was made from, 64 hexadecimal digits
 */
public record Key(String kind, String sha256) {
  public Key {
    if (!kind.matches("[a-z]{1,16}") || !sha256.matches("[0-9a-f]{64}")) {
      throw new IllegalArgumentException(
          "a key is a lower-case word and 64 hexadecimal digits, found %s and %s"
              .formatted(kind, sha256));
    }
  }

  /**
   * The key of what is made from some texts.
   *
   * @param madeFrom all that the entry depends on, in a fixed order
   */
  public static Key of(String kind, String... madeFrom) {
    return new Key(kind, Digest.hex(madeFrom));
  }

  /** The name of its file. */
  String fileName() {
    return kind + "-" + sha256;
  }
}
