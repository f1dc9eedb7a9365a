package dev.attune.compiler.spec;

/**
 * Widths of the vectors of one head.
 *
 * @param qk of a query or key
 * @param v of a value or output
 */
public record HeadDim(int qk, int v) {
  @Override
  public String toString() {
    return qk == v ? Integer.toString(qk) : qk + "," + v;
  }
}
