package dev.attune.runtime;

import org.jspecify.annotations.Nullable;

/** A device is missing, refuses something or has failed; the message says which and what helps. */
public final class DeviceException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public DeviceException(String message) {
    super(message);
  }

  public DeviceException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}
