package dev.attune.maven;

import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * One line of the compiler about a place in a file.
 *
 * @param line from 1
 * @param column from 1
 * @param error whether it is more than a warning
 * @param text what is wrong, with its code
 */
record Message(String file, int line, int column, boolean error, String text) {
  private static final Pattern FORM =
      Pattern.compile("(.+?):(\\d+):(\\d+): ((error|warning)(?:\\[\\w+\\])?: .*)");

  /** Reads a line; nothing if it is about no place. */
  static Optional<Message> parse(String line) {
    Matcher m = FORM.matcher(line);
    return m.matches()
        ? Optional.of(
            new Message(
                m.group(1),
                Integer.parseInt(m.group(2)),
                Integer.parseInt(m.group(3)),
                m.group(5).equals("error"),
                m.group(4)))
        : Optional.empty();
  }
}
