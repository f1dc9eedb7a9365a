package dev.attune.compiler.spec;

import java.util.List;

/**
 * How long each sequence of a batch is.
 *
 * @param queries Sq of each sequence
 * @param keys Skv of each sequence
 */
public record SequenceLengths(List<Integer> queries, List<Integer> keys) {
  public SequenceLengths {
    queries = List.copyOf(queries);
    keys = List.copyOf(keys);
    if (queries.size() != keys.size()) {
      throw new IllegalArgumentException(
          "%d sequences of queries, but %d of keys".formatted(queries.size(), keys.size()));
    }
  }

  /** Whether a batch of a shape can hold such sequences. */
  boolean fit(Shape shape) {
    return queries.size() == shape.batch()
        && queries.stream().allMatch(n -> n >= 0 && n <= shape.seq())
        && keys.stream().allMatch(n -> n >= 0 && n <= shape.kvSeq());
  }
}
