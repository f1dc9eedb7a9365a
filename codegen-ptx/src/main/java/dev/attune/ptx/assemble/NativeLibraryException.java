package dev.attune.ptx.assemble;

/** A native library cannot be used here; the message is one sentence saying why and what helps. */
public final class NativeLibraryException extends RuntimeException {
  NativeLibraryException(String message, Throwable cause) {
    super(message, cause);
  }

  NativeLibraryException(String message) {
    super(message);
  }
}
