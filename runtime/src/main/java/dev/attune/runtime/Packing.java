package dev.attune.runtime;

import dev.attune.compiler.spec.NdArray;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Host arrays of a padded batch as those of a packed one, and back.
 *
 * @param lengths tokens of each sequence
 */
public record Packing(List<Integer> lengths) {
  public Packing {
    lengths = List.copyOf(lengths);
  }

  /** Where each sequence begins, and the last ends: {@code cu_seqlens}. */
  public int[] offsets() {
    int[] offsets = new int[lengths.size() + 1];
    for (int b = 0; b < lengths.size(); b++) {
      offsets[b + 1] = offsets[b] + lengths.get(b);
    }
    return offsets;
  }

  /** How many tokens all sequences have. */
  public int tokens() {
    return lengths.stream().mapToInt(Integer::intValue).sum();
  }

  /** Float [B, S, H, D] as [tokens, H, D]. */
  public NdArray pack(NdArray padded) {
    int[] shape = padded.shape();
    int row = shape[2] * shape[3];
    NdArray packed = NdArray.floats(tokens(), shape[2], shape[3]);
    each(
        (b, first, length) ->
            System.arraycopy(
                padded.floats(), b * shape[1] * row, packed.floats(), first * row, length * row));
    return packed;
  }

  /** Float [tokens, H, D] as [B, S, H, D], what is of no sequence NaN. */
  public NdArray unpack(NdArray packed, int most) {
    int[] shape = packed.shape();
    int row = shape[1] * shape[2];
    NdArray padded = NdArray.floats(lengths.size(), most, shape[1], shape[2]);
    Arrays.fill(padded.floats(), Float.NaN);
    each(
        (b, first, length) ->
            System.arraycopy(
                packed.floats(), first * row, padded.floats(), b * most * row, length * row));
    return padded;
  }

  /** Float [H, tokens] as [B, H, S], what is of no sequence NaN. */
  public NdArray unpackRows(NdArray packed, int most) {
    int heads = packed.shape()[0];
    int tokens = packed.shape()[1];
    NdArray padded = NdArray.floats(lengths.size(), heads, most);
    Arrays.fill(padded.floats(), Float.NaN);
    each(
        (b, first, length) ->
            IntStream.range(0, heads)
                .forEach(
                    h ->
                        System.arraycopy(
                            packed.floats(),
                            h * tokens + first,
                            padded.floats(),
                            (b * heads + h) * most,
                            length)));
    return padded;
  }

  private interface Sequence {
    void accept(int b, int first, int length);
  }

  private void each(Sequence use) {
    int[] offsets = offsets();
    for (int b = 0; b < lengths.size(); b++) {
      use.accept(b, offsets[b], lengths.get(b));
    }
  }
}
