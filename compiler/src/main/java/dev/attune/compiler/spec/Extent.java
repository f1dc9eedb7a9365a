package dev.attune.compiler.spec;

/** A size of the problem: an int, the same for every element of one sequence. */
public enum Extent {
  /** Batch size. */
  B("B"),
  /** Query heads. */
  HQ("Hq"),
  /** Key/value heads; divides {@link #HQ}. */
  HKV("Hkv"),
  /** Query positions. */
  SQ("Sq"),
  /** Key positions. */
  SKV("Skv"),
  /** Width of a query or key vector. */
  DQK("Dqk"),
  /** Width of a value or output vector. */
  DV("Dv"),
  /** Query heads per key/value head, {@code Hq // Hkv}. */
  GROUP("group");

  private final String keyword;

  Extent(String keyword) {
    this.keyword = keyword;
  }

  /** The name as it is written in a {@code .attn} file. */
  public String keyword() {
    return keyword;
  }
}
