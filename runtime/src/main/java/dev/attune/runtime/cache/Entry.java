package dev.attune.runtime.cache;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Optional;

/**
 * The file of an entry, big-endian: a magic number, the version of this layout, the key's name with
 * its length, the payload's length, the SHA-256 of all other bytes, the payload.
 *
 * <p>A payload has exactly one file, so a file is good if it is what would be written for the
 * payload that it seems to have.
 */
final class Entry {
  private static final int MAGIC = 0x4154_544e;
  private static final int FORMAT = 1;
  private static final int DIGEST = 32;

  private Entry() {}

  /** The file of a payload. */
  static byte[] encode(Key key, byte[] payload) {
    byte[] name = key.fileName().getBytes(StandardCharsets.US_ASCII);
    int header = header(key);
    ByteBuffer file = ByteBuffer.allocate(Math.addExact(header, payload.length));
    file.putInt(MAGIC).putInt(FORMAT).putInt(name.length).put(name).putLong(payload.length);
    file.put(header, payload);
    // The place of the digest is still zero.
    file.put(Digest.sha256(file.array()));
    return file.array();
  }

  /** The payload of a file; none if the file is not what {@link #encode} makes for this key. */
  static Optional<byte[]> decode(Key key, byte[] file) {
    if (file.length < header(key)) {
      return Optional.empty();
    }
    byte[] payload = Arrays.copyOfRange(file, header(key), file.length);
    return Optional.of(payload).filter(p -> Arrays.equals(encode(key, p), file));
  }

  /** Bytes before the payload. */
  static int header(Key key) {
    return 3 * Integer.BYTES + key.fileName().length() + Long.BYTES + DIGEST;
  }
}
