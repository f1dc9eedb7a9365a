package dev.attune.compiler.spec;

/**
 * The sizes of one problem.
 *
 * @param batch B ≥ 0
 * @param heads query heads Hq ≥ 1
 * @param kvHeads key/value heads Hkv ≥ 1, dividing {@code heads}
 * @param seq query positions Sq ≥ 0
 * @param kvSeq key positions Skv ≥ 0
 * @param headDim widths
 */
public record Shape(int batch, int heads, int kvHeads, int seq, int kvSeq, HeadDim headDim) {

  /** The longest sequence: positions and their differences stay exact in float. */
  public static final int MAX_SEQ = 1 << 24;

  public Shape {
    if (batch < 0 || heads < 1 || kvHeads < 1 || seq < 0 || kvSeq < 0) {
      throw new IllegalArgumentException(
          "extents must not be negative, heads at least 1: batch=%d heads=%d kv-heads=%d seq=%d kv-seq=%d"
              .formatted(batch, heads, kvHeads, seq, kvSeq));
    }
    if (heads % kvHeads != 0) {
      throw new IllegalArgumentException(
          "kv-heads must divide heads, but %d heads are not a multiple of %d kv-heads"
              .formatted(heads, kvHeads));
    }
    if (seq > MAX_SEQ || kvSeq > MAX_SEQ) {
      throw new IllegalArgumentException("a sequence has at most " + MAX_SEQ + " positions");
    }
  }

  /** Query heads per key/value head. */
  public int group() {
    return heads / kvHeads;
  }

  /** The value of an extent. */
  public int extent(Extent extent) {
    return switch (extent) {
      case B -> batch;
      case HQ -> heads;
      case HKV -> kvHeads;
      case SQ -> seq;
      case SKV -> kvSeq;
      case DQK -> headDim.qk();
      case DV -> headDim.v();
      case GROUP -> group();
    };
  }
}
