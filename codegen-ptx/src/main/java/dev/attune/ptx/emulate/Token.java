package dev.attune.ptx.emulate;

/** A token with its place in the text. */
record Token(Kind kind, String text, int line, int start, int end) {
  enum Kind {
    WORD,
    NUMBER,
    STRING,
    PUNCTUATION,
    END
  }

  boolean is(String expected) {
    return text.equals(expected) && kind != Kind.STRING;
  }
}
