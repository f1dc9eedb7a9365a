package dev.attune.cli;

import java.io.PrintStream;

/**
 * Where a command writes.
 *
 * @param out results
 * @param err diagnostics and progress
 * @param colour whether {@code err} shows ANSI colours
 */
record Terminal(PrintStream out, PrintStream err, boolean colour) {

  /** Says what is wrong. */
  void error(String message) {
    err.println((colour ? "\u001b[1;31merror\u001b[0m: " : "error: ") + message);
  }
}
