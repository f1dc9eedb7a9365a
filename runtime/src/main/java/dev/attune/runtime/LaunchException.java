package dev.attune.runtime;

/**
 * Arguments that a kernel must not be launched with; the message names the argument, what was found
 * and what was expected. Nothing has run.
 */
public final class LaunchException extends IllegalArgumentException {
  private static final long serialVersionUID = 1L;

  public LaunchException(String message) {
    super(message);
  }
}
