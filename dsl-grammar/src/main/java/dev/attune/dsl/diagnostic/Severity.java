package dev.attune.dsl.diagnostic;

/** How grave a diagnostic is. */
public enum Severity {
  /** Nothing is compiled from the file. */
  ERROR("error"),
  /** Legal, and most likely not what was meant. */
  WARNING("warning");

  private final String word;

  Severity(String word) {
    this.word = word;
  }

  /** The word that renderings use. */
  public String word() {
    return word;
  }
}
