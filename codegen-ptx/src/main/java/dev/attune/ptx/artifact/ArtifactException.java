package dev.attune.ptx.artifact;

/** Files that are not an artifact; the message says in one sentence what was found and expected. */
public final class ArtifactException extends RuntimeException {
  ArtifactException(String message) {
    super(message);
  }

  ArtifactException(String message, Throwable cause) {
    super(message, cause);
  }
}
