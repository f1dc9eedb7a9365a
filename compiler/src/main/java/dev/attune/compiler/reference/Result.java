package dev.attune.compiler.reference;

import dev.attune.compiler.spec.NdArray;
import java.util.Optional;

/**
 * What an executor returns.
 *
 * @param o float [B, Sq, Hq, Dv], values of the problem's dtype
 * @param lse float [B, Hq, Sq], natural log; absent where it is not computed
 * @param maxScore float [B, Hq, Sq]; absent where it is not computed
 */
public record Result(NdArray o, Optional<NdArray> lse, Optional<NdArray> maxScore) {
  /** A result without the largest scores. */
  public Result(NdArray o, Optional<NdArray> lse) {
    this(o, lse, Optional.empty());
  }
}
