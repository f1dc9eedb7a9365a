package dev.attune.compiler.reference;

import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Bindings;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.NdArray;
import dev.attune.compiler.spec.Shape;
import java.util.Arrays;

/**
 * One attention to compute. Where its bindings give each sequence its own lengths, the tensors hold
 * the tokens of a sequence at the first positions of its batch element, and what lies beyond them
 * is of no account.
 *
 * @param dtype of Q, K, V and O; the values are already rounded to it
 * @param q float [B, Sq, Hq, Dqk]
 * @param k float [B, Skv, Hkv, Dqk]
 * @param v float [B, Skv, Hkv, Dv]
 */
public record Problem(
    AttentionSpec spec, Bindings bindings, Dtype dtype, NdArray q, NdArray k, NdArray v) {
  public Problem {
    Shape s = bindings.shape();
    require("Q", q, s.batch(), s.seq(), s.heads(), s.headDim().qk());
    require("K", k, s.batch(), s.kvSeq(), s.kvHeads(), s.headDim().qk());
    require("V", v, s.batch(), s.kvSeq(), s.kvHeads(), s.headDim().v());
  }

  private static void require(String name, NdArray array, int... shape) {
    if (!Arrays.equals(array.shape(), shape)) {
      throw new IllegalArgumentException(
          "%s has shape %s, but the problem has %s"
              .formatted(name, Arrays.toString(array.shape()), Arrays.toString(shape)));
    }
  }

  /** The sizes. */
  public Shape shape() {
    return bindings.shape();
  }

  /** The same problem with other Q, K and V. */
  public Problem with(NdArray newQ, NdArray newK, NdArray newV) {
    return new Problem(spec, bindings, dtype, newQ, newK, newV);
  }
}
