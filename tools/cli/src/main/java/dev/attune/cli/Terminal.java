package dev.attune.cli;

import java.io.OutputStreamWriter;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;

/**
 * Where a command writes.
 *
 * @param out results
 * @param err diagnostics and progress
 * @param colour whether {@code err} shows ANSI colours
 */
record Terminal(PrintStream out, PrintStream err, boolean colour) {

  /** A stream of this terminal for those that want a writer. */
  PrintWriter writer(PrintStream stream) {
    return new PrintWriter(new OutputStreamWriter(stream, StandardCharsets.UTF_8), true);
  }

  /** Says what is wrong. */
  void error(String message) {
    err.println((colour ? "\u001b[1;31merror\u001b[0m: " : "error: ") + message);
  }
}
