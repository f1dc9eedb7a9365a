package dev.attune.ptx.emulate;

/**
 * Bytes that a launch must write, each exactly once (or through atomics any number of times):
 * {@code rows} runs of {@code rowBytes} bytes, the first at {@code address}, {@code stride} bytes
 * apart.
 *
 * @param name how messages call the output
 */
public record OutputRegion(String name, long address, long rowBytes, long rows, long stride) {
  public OutputRegion {
    if (rowBytes < 1 || rows < 1 || (rows > 1 && stride < rowBytes)) {
      throw new IllegalArgumentException(
          "Output '" + name + "' needs rows of at least one byte that do not overlap.");
    }
  }

  /** One run of bytes. */
  public static OutputRegion contiguous(String name, long address, long bytes) {
    return new OutputRegion(name, address, bytes, 1, bytes);
  }
}
