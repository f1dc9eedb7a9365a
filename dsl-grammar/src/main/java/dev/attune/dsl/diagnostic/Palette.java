package dev.attune.dsl.diagnostic;

/** Colours of the parts of a rendering, as ANSI escapes or nothing. */
record Palette(
    String error, String warning, String margin, String help, String strong, String end) {
  static final Palette PLAIN = new Palette("", "", "", "", "", "");

  static final Palette ANSI =
      new Palette(
          "\u001b[1;31m", "\u001b[1;33m", "\u001b[1;34m", "\u001b[1;32m", "\u001b[1m", "\u001b[0m");

  String of(Severity severity) {
    return severity == Severity.ERROR ? error : warning;
  }
}
