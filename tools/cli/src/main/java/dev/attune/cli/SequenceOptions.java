package dev.attune.cli;

import dev.attune.compiler.schedule.Batching;
import dev.attune.compiler.spec.SequenceLengths;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options that give each sequence of a batch its own lengths. */
final class SequenceOptions {
  @Option(
      names = "--sequences",
      paramLabel = "N,N,...",
      description = "Queries of each sequence of a batch, instead of --batch and --seq.")
  private @Nullable String sequences;

  @Option(
      names = "--kv-sequences",
      paramLabel = "N,N,...",
      description = "Keys of each sequence; as many as queries unless given.")
  private @Nullable String kvSequences;

  @Option(
      names = "--batching",
      paramLabel = "BATCHING",
      description = "How the sequences lie: packed or padded; packed unless given.")
  private @Nullable Batching batching;

  /** How the sequences of the batch lie. */
  Batching batching() {
    if (sequences == null) {
      if (kvSequences != null || (batching != null && batching != Batching.DENSE)) {
        throw new UsageException(
            "%s needs --sequences"
                .formatted(kvSequences != null ? "--kv-sequences" : "--batching"));
      }
      return Batching.DENSE;
    }
    if (batching == Batching.DENSE) {
      throw new UsageException("--sequences is for packed and padded batches, not for dense ones");
    }
    return batching == null ? Batching.PACKED : batching;
  }

  /** The lengths of the sequences, if they are given. */
  Optional<SequenceLengths> lengths() {
    if (batching() == Batching.DENSE || sequences == null) {
      return Optional.empty();
    }
    List<Integer> queries = parse("--sequences", sequences);
    List<Integer> keys = kvSequences == null ? queries : parse("--kv-sequences", kvSequences);
    if (keys.size() != queries.size()) {
      throw new UsageException(
          "--sequences has %d lengths and --kv-sequences %d, expected as many"
              .formatted(queries.size(), keys.size()));
    }
    return Optional.of(new SequenceLengths(queries, keys));
  }

  private static List<Integer> parse(String option, String text) {
    try {
      List<Integer> lengths =
          Arrays.stream(text.split(",", -1)).map(n -> Integer.parseInt(n.strip())).toList();
      if (lengths.stream().allMatch(n -> n >= 0)) {
        return lengths;
      }
    } catch (NumberFormatException e) {
      // Reported below, with what was expected.
    }
    throw new UsageException(
        "%s is '%s', expected lengths such as 512,0,100".formatted(option, text));
  }
}
