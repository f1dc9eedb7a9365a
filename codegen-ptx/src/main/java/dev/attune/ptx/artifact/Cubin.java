package dev.attune.ptx.artifact;

import java.util.Arrays;

/**
 * Machine code that a build made of a kernel's PTX: an ELF image for exactly the kernel's target.
 *
 * @param bytes not to be written to
 */
@SuppressWarnings("ArrayRecordComponent") // Compared by content below.
public record Cubin(byte[] bytes) {
  @Override
  public boolean equals(Object other) {
    return other instanceof Cubin(byte[] others) && Arrays.equals(bytes, others);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(bytes);
  }

  @Override
  public String toString() {
    return "Cubin[%d bytes]".formatted(bytes.length);
  }
}
