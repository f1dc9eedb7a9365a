package dev.attune.compiler.spec;

/**
 * The place in a {@code .attn} file that a part of the meaning came from.
 *
 * @param file the file as the user named it
 * @param line 1-based, or 0 for what no line says (a default)
 */
public record Origin(String file, int line) {
  @Override
  public String toString() {
    return line > 0 ? file + ":" + line : file;
  }
}
