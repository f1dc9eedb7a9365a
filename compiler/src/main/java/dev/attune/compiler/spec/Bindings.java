package dev.attune.compiler.spec;

import java.util.Map;
import java.util.Optional;

/**
 * The values a launch gives to the names of a spec.
 *
 * @param shape the sizes; of a batch whose sequences have their own lengths, seq and kvSeq are what
 *     none exceeds
 * @param scale finite and positive
 * @param params every parameter by name: ints exactly, bools as 0 and 1
 * @param tensors every captured tensor by name, of its declared type and shape
 * @param lengths of the sequences where they differ: what Sq and Skv then are
 */
public record Bindings(
    Shape shape,
    double scale,
    Map<String, Double> params,
    Map<String, NdArray> tensors,
    Optional<SequenceLengths> lengths) {
  public Bindings {
    params = Map.copyOf(params);
    tensors = Map.copyOf(tensors);
    if (!lengths.map(l -> l.fit(shape)).orElse(true)) {
      throw new IllegalArgumentException(
          "sequences %s do not fit a batch of %s".formatted(lengths.get(), shape));
    }
  }

  /** Sequences that are all of the shape's lengths. */
  public Bindings(
      Shape shape, double scale, Map<String, Double> params, Map<String, NdArray> tensors) {
    this(shape, scale, params, tensors, Optional.empty());
  }

  /** The same for sequences of their own lengths. */
  public Bindings with(SequenceLengths sequences) {
    return new Bindings(shape, scale, params, tensors, Optional.of(sequences));
  }

  /** Sq of a sequence. */
  public int queries(int b) {
    return lengths.map(l -> l.queries().get(b)).orElse(shape.seq());
  }

  /** Skv of a sequence. */
  public int keys(int b) {
    return lengths.map(l -> l.keys().get(b)).orElse(shape.kvSeq());
  }

  /** The value of an extent in a sequence. */
  public int extent(Extent extent, int b) {
    return switch (extent) {
      case SQ -> queries(b);
      case SKV -> keys(b);
      case B, HQ, HKV, DQK, DV, GROUP -> shape.extent(extent);
    };
  }
}
