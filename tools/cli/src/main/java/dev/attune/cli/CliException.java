package dev.attune.cli;

/** What the user must change, in one sentence: the command ends with exit code 1. */
final class CliException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  CliException(String message) {
    super(message);
  }
}
