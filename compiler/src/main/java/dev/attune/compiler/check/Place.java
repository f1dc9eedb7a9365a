package dev.attune.compiler.check;

/** Where an expression stands, which decides what it may name. */
enum Place {
  SCORE("score"),
  MASK("mask"),
  SINK("sink"),
  WEIGHT("weight"),
  SHAPE("the shape of a tensor"),
  CONDITION("the condition of a parameter"),
  CONSTANT("a constant"),
  /** A let or def by itself: whatever some clause may name. */
  DEFINITION("a definition");

  private final String words;

  Place(String words) {
    this.words = words;
  }

  /** The place in a sentence. */
  String words() {
    return words;
  }

  /** Whether the raw product q·k is there. */
  boolean hasScore() {
    return this == SCORE || this == WEIGHT || this == DEFINITION;
  }

  /** Whether there is a key position. */
  boolean hasKey() {
    return hasScore() || this == MASK;
  }

  /** Whether there is an element (b, h, q) at all. */
  boolean hasRow() {
    return hasKey() || this == SINK;
  }

  /** Whether the sizes of the problem are known. */
  boolean hasSizes() {
    return hasRow() || this == SHAPE;
  }
}
