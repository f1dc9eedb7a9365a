package dev.attune.runtime;

import java.util.Arrays;

/**
 * One allocation on a device. Its first byte is aligned to 256 bytes.
 *
 * <p>Reading and writing wait until the device has finished all launched work, and are complete
 * when they return. Closing waits as well; a tensor over a closed buffer is refused wherever it is
 * used.
 */
public interface Buffer extends AutoCloseable {

  /** The device that owns this memory. */
  Device device();

  /** Device address of the first byte. */
  long address();

  /** Size in bytes, as asked for. */
  long bytes();

  /** Whether the memory has been given back. */
  boolean isClosed();

  /**
   * Copies host bytes to the device.
   *
   * @throws IndexOutOfBoundsException if either range is not inside its array or buffer
   */
  void write(long offset, byte[] source, int from, int length);

  /**
   * Copies bytes of the device to the host.
   *
   * @throws IndexOutOfBoundsException if either range is not inside its array or buffer
   */
  void read(long offset, byte[] target, int from, int length);

  /** Sets every byte. */
  default void fill(byte value) {
    byte[] chunk = new byte[(int) Math.min(bytes(), 1 << 20)];
    Arrays.fill(chunk, value);
    for (long at = 0; at < bytes(); at += chunk.length) {
      write(at, chunk, 0, (int) Math.min(chunk.length, bytes() - at));
    }
  }

  /** Gives the memory back; does nothing the second time. */
  @Override
  void close();
}
