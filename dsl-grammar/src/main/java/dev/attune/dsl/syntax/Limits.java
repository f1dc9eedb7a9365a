package dev.attune.dsl.syntax;

/** How large a file may be, so that no input exhausts the stack, the memory or the user. */
public final class Limits {
  /** Characters in a file. */
  public static final int TEXT = 64 * 1024;

  /** Brackets, prefix operators and {@code if}s inside one another. */
  public static final int NESTING = 64;

  /** Levels of the syntax tree; a chain such as {@code a + b + c} has one level per operator. */
  public static final int DEPTH = 256;

  /** Expression nodes in a file. */
  public static final int NODES = 16 * 1024;

  /** Characters in a name. */
  public static final int NAME = 64;

  /** Errors reported for one file. */
  public static final int ERRORS = 20;

  private Limits() {}
}
