package dev.attune.compiler.spec;

/** Where in the (batch, head, query, key) space a scalar expression is evaluated. All are ints. */
public enum Position {
  /** Batch element, in [0, B). */
  B("b"),
  /** Query head, in [0, Hq). */
  H("h"),
  /** Key/value head, {@code h // group}, in [0, Hkv). */
  HKV("hkv"),
  /** Query position within its sequence, in [0, Sq). */
  Q("q"),
  /** Key position within its sequence, in [0, Skv). */
  KV("kv");

  private final String keyword;

  Position(String keyword) {
    this.keyword = keyword;
  }

  /** The name as it is written in a {@code .attn} file. */
  public String keyword() {
    return keyword;
  }
}
