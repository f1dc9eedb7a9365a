package dev.attune.compiler.check;

/** What is known of a condition over all elements and launches. */
enum Truth {
  ALWAYS,
  NEVER,
  MAYBE;

  static Truth of(boolean value) {
    return value ? ALWAYS : NEVER;
  }

  Truth not() {
    return switch (this) {
      case ALWAYS -> NEVER;
      case NEVER -> ALWAYS;
      case MAYBE -> MAYBE;
    };
  }

  Truth and(Truth o) {
    if (this == NEVER || o == NEVER) {
      return NEVER;
    }
    return this == ALWAYS ? o : o == ALWAYS ? this : MAYBE;
  }

  Truth or(Truth o) {
    return not().and(o.not()).not();
  }
}
