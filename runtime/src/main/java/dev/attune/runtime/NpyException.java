package dev.attune.runtime;

import org.jspecify.annotations.Nullable;

/** A file that cannot be used as an array; the message is one sentence that names the file. */
public final class NpyException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  NpyException(String message) {
    super(message);
  }

  NpyException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}
