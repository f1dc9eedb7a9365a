package dev.attune.runtime;

import dev.attune.compiler.schedule.Batching;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.ParamDecl;
import dev.attune.compiler.spec.TensorDecl;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Everything about arguments but where their tensors lie. Arguments that a kernel takes are, but
 * for memory, as good as any others of the same signature.
 */
@SuppressWarnings("ArrayRecordComponent") // Compared by content below.
record Signature(List<ElementType> types, long[] words) {

  /** The tensors of arguments in a fixed order: Q, K, V, O, then those of LSE, … that are there. */
  static List<Tensor> tensors(AttentionSpec spec, Arguments arguments) {
    List<Tensor> tensors = new ArrayList<>(8);
    tensors.add(arguments.q());
    tensors.add(arguments.k());
    tensors.add(arguments.v());
    tensors.add(arguments.o());
    arguments.lse().ifPresent(tensors::add);
    arguments.maxScore().ifPresent(tensors::add);
    arguments
        .sequences()
        .ifPresent(
            s -> {
              tensors.add(s.queries());
              tensors.add(s.keys());
            });
    for (TensorDecl declared : spec.tensors()) {
      Tensor tensor = arguments.tensors().get(declared.name());
      if (tensor != null) {
        tensors.add(tensor);
      }
    }
    return tensors;
  }

  /** The signature of arguments with their {@link #tensors}. */
  static Signature of(AttentionSpec spec, Arguments arguments, List<Tensor> tensors) {
    int words = 10 + spec.tensors().size() + 2 * spec.params().size();
    for (Tensor tensor : tensors) {
      words += 1 + 2 * tensor.rank();
    }
    long[] all = new long[words];
    int at = 0;
    // Names that are not declared only show in the counts: no accepted arguments have any.
    all[at++] = (long) arguments.params().size() << 32 | arguments.tensors().size();
    all[at++] = arguments.lse().isPresent() ? 1 : 0;
    all[at++] = arguments.maxScore().isPresent() ? 1 : 0;
    all[at++] = arguments.scale().isPresent() ? 1 : 0;
    all[at++] = Double.doubleToRawLongBits(arguments.scale().orElse(0));
    if (arguments.sequences().isPresent()) {
      Sequences s = arguments.sequences().get();
      all[at] = s.batching() == Batching.PACKED ? 2 : 1;
      all[at + 1] = s.maxQueries();
      all[at + 2] = s.maxKeys();
      all[at + 3] = s.queryEnd();
      all[at + 4] = s.keyEnd();
    }
    at += 5;
    for (TensorDecl declared : spec.tensors()) {
      all[at++] = arguments.tensors().containsKey(declared.name()) ? 1 : 0;
    }
    for (ParamDecl declared : spec.params()) {
      Double value = arguments.params().get(declared.name());
      all[at++] = value == null ? 0 : 1;
      all[at++] = Double.doubleToRawLongBits(value == null ? 0 : value);
    }
    List<ElementType> types = new ArrayList<>(tensors.size());
    for (Tensor tensor : tensors) {
      types.add(tensor.type());
      all[at++] = tensor.rank();
      for (int axis = 0; axis < tensor.rank(); axis++) {
        all[at++] = tensor.extent(axis);
        all[at++] = tensor.stride(axis);
      }
    }
    return new Signature(types, all);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Signature(List<ElementType> otherTypes, long[] otherWords)
        && Arrays.equals(words, otherWords)
        && types.equals(otherTypes);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(words);
  }
}
