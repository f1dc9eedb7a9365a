package dev.attune.runtime;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import org.jspecify.annotations.Nullable;

/**
 * What a kernel is launched with.
 *
 * <pre>{@code
 * kernel.launch(stream, Arguments.of(q, k, v, o).lse(lse).scale(0.125).param("window", 512));
 * }</pre>
 *
 * @param q [B, Sq, Hq, Dqk]
 * @param k [B, Skv, Hkv, Dqk]
 * @param v [B, Skv, Hkv, Dv]
 * @param o [B, Sq, Hq, Dv], written
 * @param lse [B, Hq, Sq] float32, written; needed by kernels with a softmax
 * @param maxScore [B, Hq, Sq] float32, written; needed where the spec asks for it
 * @param scale softmax scale, 1/√Dqk unless given
 * @param params values of declared parameters, bools as 0 and 1; the others have their defaults
 * @param tensors captured tensors by name
 * @param sequences where those of a batch lie that is not dense, which then says the shapes
 */
public record Arguments(
    Tensor q,
    Tensor k,
    Tensor v,
    Tensor o,
    Optional<Tensor> lse,
    Optional<Tensor> maxScore,
    OptionalDouble scale,
    Map<String, Double> params,
    Map<String, Tensor> tensors,
    Optional<Sequences> sequences) {

  public Arguments {
    requirePresent("q", q);
    requirePresent("k", k);
    requirePresent("v", v);
    requirePresent("o", o);
    params = Map.copyOf(params);
    tensors = Map.copyOf(tensors);
  }

  /** The arguments every kernel has. */
  public static Arguments of(Tensor q, Tensor k, Tensor v, Tensor o) {
    return new Arguments(
        q,
        k,
        v,
        o,
        Optional.empty(),
        Optional.empty(),
        OptionalDouble.empty(),
        Map.of(),
        Map.of(),
        Optional.empty());
  }

  /** These arguments with a place for the log-sum-exp. */
  public Arguments lse(Tensor tensor) {
    requirePresent("lse", tensor);
    return new Arguments(
        q, k, v, o, Optional.of(tensor), maxScore, scale, params, tensors, sequences);
  }

  /** These arguments with a place for the largest score of each row. */
  public Arguments maxScore(Tensor tensor) {
    requirePresent("maxScore", tensor);
    return new Arguments(q, k, v, o, lse, Optional.of(tensor), scale, params, tensors, sequences);
  }

  /** These arguments with a softmax scale. */
  public Arguments scale(double value) {
    return new Arguments(
        q, k, v, o, lse, maxScore, OptionalDouble.of(value), params, tensors, sequences);
  }

  /** These arguments with the value of an int or float parameter. */
  public Arguments param(String name, double value) {
    return new Arguments(
        q, k, v, o, lse, maxScore, scale, with(params, name, value), tensors, sequences);
  }

  /** These arguments with the value of a bool parameter. */
  public Arguments param(String name, boolean value) {
    return param(name, value ? 1 : 0);
  }

  /** These arguments with a captured tensor. */
  public Arguments tensor(String name, Tensor tensor) {
    requirePresent("tensor " + name, tensor);
    return new Arguments(
        q, k, v, o, lse, maxScore, scale, params, with(tensors, name, tensor), sequences);
  }

  /** These arguments for a batch of sequences of their own lengths. */
  public Arguments sequences(Sequences batch) {
    requirePresent("sequences", batch);
    return new Arguments(q, k, v, o, lse, maxScore, scale, params, tensors, Optional.of(batch));
  }

  /** Callers may be without null checks of their own. */
  private static void requirePresent(String name, @Nullable Object given) {
    if (given == null) {
      throw new LaunchException(name + " is null");
    }
  }

  private static <T> Map<String, T> with(Map<String, T> map, String name, T value) {
    Map<String, T> copy = new LinkedHashMap<>(map);
    copy.put(name, value);
    return copy;
  }
}
