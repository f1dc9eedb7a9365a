package dev.attune.dsl.diagnostic;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * One thing that is wrong with a file.
 *
 * @param message one sentence, lower case, without a full stop: what was found, what was expected
 * @param primary where
 * @param secondary other places that explain it
 * @param notes facts that help to understand it, one sentence each
 * @param help what to do
 */
public record Diagnostic(
    Severity severity,
    Code code,
    String message,
    Label primary,
    List<Label> secondary,
    List<String> notes,
    Optional<Help> help) {

  public Diagnostic {
    secondary = List.copyOf(secondary);
    notes = List.copyOf(notes);
  }

  /** A diagnostic of the code's severity with nothing but a message and a place. */
  public static Diagnostic at(Span span, Code code, String message) {
    return new Diagnostic(
        code.severity(),
        code,
        message,
        new Label(span, ""),
        List.of(),
        List.of(),
        Optional.empty());
  }

  /** With words at the primary place. */
  public Diagnostic label(String text) {
    return new Diagnostic(
        severity, code, message, new Label(primary.span(), text), secondary, notes, help);
  }

  /** With a further place. */
  public Diagnostic also(Span span, String text) {
    List<Label> labels = new ArrayList<>(secondary);
    labels.add(new Label(span, text));
    return new Diagnostic(severity, code, message, primary, labels, notes, help);
  }

  /** With a further note. */
  public Diagnostic note(String text) {
    List<String> all = new ArrayList<>(notes);
    all.add(text);
    return new Diagnostic(severity, code, message, primary, secondary, all, help);
  }

  /** With help in words. */
  public Diagnostic help(String text) {
    return help(Help.of(text));
  }

  /** With help. */
  public Diagnostic help(Help wanted) {
    return new Diagnostic(severity, code, message, primary, secondary, notes, Optional.of(wanted));
  }

  /** Whether nothing can be compiled from the file. */
  public boolean isError() {
    return severity == Severity.ERROR;
  }
}
