package dev.attune.compiler.spec;

import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * One attention variant: what is computed, with every name resolved and every type checked.
 *
 * <p>For each (b, h, q), with {@code s(kv)} the score and L = { kv : mask } the live keys:
 *
 * <pre>
 *   m = max over L of s, and of the sink if there is one
 *   l = Σ over L of exp(s − m), plus exp(sink − m)
 *   O = Σ over L of exp(s − m) / l · V[kv],   LSE = m + ln l
 * </pre>
 *
 * A row with no live key has O = 0, and LSE = −∞ unless a sink makes it {@code sink}. With {@link
 * Normalization.Weight} instead, O = Σ over L of weight · V[kv].
 *
 * @param name a valid identifier, unique in its file
 * @param score natural units; {@code score * scale} where the file says nothing
 * @param mask true where the pair is live; {@code true} where the file says nothing
 * @param outputs results besides O that are asked for; LSE is always among them for softmax
 * @param dtype fixed by the file, or left to the caller
 * @param headDim fixed by the file, or left to the caller
 * @param instances what to compile ahead of time
 * @param step where the spec is of one residue class of each sequence: an int of the launch, at
 *     least 1. Position i of class r, r below the step, is position step · i + r of the sequence;
 *     {@code q}, {@code kv}, {@code Sq} and {@code Skv} are those of the class, except that the
 *     extents of captured tensors mean the sequence's
 */
public record AttentionSpec(
    String name,
    Origin origin,
    List<ParamDecl> params,
    List<TensorDecl> tensors,
    Clause score,
    Clause mask,
    Normalization normalization,
    Set<Output> outputs,
    Optional<Dtype> dtype,
    Optional<HeadDim> headDim,
    List<Instance> instances,
    Optional<Expr> step) {

  public AttentionSpec {
    params = List.copyOf(params);
    tensors = List.copyOf(tensors);
    outputs = Set.copyOf(outputs);
    instances = List.copyOf(instances);
  }

  /** Of whole sequences. */
  public AttentionSpec(
      String name,
      Origin origin,
      List<ParamDecl> params,
      List<TensorDecl> tensors,
      Clause score,
      Clause mask,
      Normalization normalization,
      Set<Output> outputs,
      Optional<Dtype> dtype,
      Optional<HeadDim> headDim,
      List<Instance> instances) {
    this(
        name,
        origin,
        params,
        tensors,
        score,
        mask,
        normalization,
        outputs,
        dtype,
        headDim,
        instances,
        Optional.empty());
  }

  /** One combination to compile ahead of time. */
  public record Instance(Dtype dtype, HeadDim headDim) {}

  /** The parameter of that name. */
  public Optional<ParamDecl> param(String wanted) {
    return params.stream().filter(p -> p.name().equals(wanted)).findFirst();
  }

  /** The captured tensor of that name. */
  public Optional<TensorDecl> tensor(String wanted) {
    return tensors.stream().filter(t -> t.name().equals(wanted)).findFirst();
  }
}
