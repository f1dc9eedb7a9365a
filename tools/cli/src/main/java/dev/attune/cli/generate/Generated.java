package dev.attune.cli.generate;

import java.util.List;

/**
 * What came of generating.
 *
 * @param messages everything there is to say, one line each: {@code file:line:column: error: text}
 * @param errors how many of them are errors
 * @param failed how many files have errors
 * @param files how many source files there are
 * @param fresh how many of them had nothing to do
 * @param written how many files were written
 * @param removed how many files were removed
 */
public record Generated(
    List<String> messages, int errors, int failed, int files, int fresh, int written, int removed) {
  public Generated {
    messages = List.copyOf(messages);
  }

  /** The outcome in one line. */
  public String summary() {
    return errors > 0
        ? "%s in %s".formatted(count(errors, "error"), count(failed, "file"))
        : "%s, %d up to date: %s written, %d removed"
            .formatted(count(files, "spec file"), fresh, count(written, "file"), removed);
  }

  private static String count(int n, String noun) {
    return n + " " + noun + (n == 1 ? "" : "s");
  }
}
