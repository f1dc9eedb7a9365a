package dev.attune.cli;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options that say what problem a kernel is to solve. */
final class ShapeOptions {
  @Option(names = "--batch", paramLabel = "B", description = "Batch size; 1 unless given.")
  private @Nullable Integer batch;

  @Option(names = "--heads", paramLabel = "HQ", description = "Query heads; 2 unless given.")
  private @Nullable Integer heads;

  @Option(
      names = "--kv-heads",
      paramLabel = "HKV",
      description = "Key and value heads, dividing the query heads; as many unless given.")
  private @Nullable Integer kvHeads;

  @Option(names = "--seq", paramLabel = "SQ", description = "Query positions; 256 unless given.")
  private @Nullable Integer seq;

  @Option(
      names = "--kv-seq",
      paramLabel = "SKV",
      description = "Key positions; as many as query positions unless given.")
  private @Nullable Integer kvSeq;

  @Option(
      names = "--scale",
      paramLabel = "X",
      description = "Softmax scale; 1/sqrt(D) unless given.")
  private @Nullable Double scale;

  @Option(
      names = "--seed",
      paramLabel = "N",
      defaultValue = "0",
      description = "Seed of the random tensors; 0 unless given.")
  private long seed;

  @Option(
      names = "--param",
      paramLabel = "NAME=VALUE",
      description = "Value of a declared param; its default unless given.")
  private List<String> params = List.of();

  @Option(
      names = "--tensor",
      paramLabel = "NAME=FILE.npy",
      description = "A captured tensor; random unless given.")
  private List<String> tensors = List.of();

  @Option(names = "--q", paramLabel = "F.npy", description = "Q [B,Sq,Hq,D], float32 or float16.")
  private @Nullable String q;

  @Option(names = "--k", paramLabel = "F.npy", description = "K [B,Skv,Hkv,D].")
  private @Nullable String k;

  @Option(names = "--v", paramLabel = "F.npy", description = "V [B,Skv,Hkv,DV].")
  private @Nullable String v;

  OptionalInt batch() {
    return optional(batch);
  }

  OptionalInt heads() {
    return optional(heads);
  }

  OptionalInt kvHeads() {
    return optional(kvHeads);
  }

  OptionalInt seq() {
    return optional(seq);
  }

  OptionalInt kvSeq() {
    return optional(kvSeq);
  }

  OptionalDouble scale() {
    return scale == null ? OptionalDouble.empty() : OptionalDouble.of(scale);
  }

  long seed() {
    return seed;
  }

  /** The values of params by name, as text. */
  Map<String, String> params() {
    return pairs("--param", "window=512", params);
  }

  /** The files of captured tensors by name. */
  Map<String, String> tensors() {
    return pairs("--tensor", "slopes=slopes.npy", tensors);
  }

  /** The files of Q, K and V: all of them or none. */
  Optional<Files> files() {
    if (q == null && k == null && v == null) {
      return Optional.empty();
    }
    if (q == null || k == null || v == null) {
      throw new UsageException("--q, --k and --v go together, but only some of them are given");
    }
    return Optional.of(new Files(q, k, v));
  }

  /** Where Q, K and V are. */
  record Files(String q, String k, String v) {}

  private static OptionalInt optional(@Nullable Integer value) {
    return value == null ? OptionalInt.empty() : OptionalInt.of(value);
  }

  private static Map<String, String> pairs(String option, String example, List<String> texts) {
    Map<String, String> pairs = new LinkedHashMap<>();
    for (String text : texts) {
      int equals = text.indexOf('=');
      if (equals < 1) {
        throw new UsageException(
            "%s is '%s', expected name=value such as %s".formatted(option, text, example));
      }
      String name = text.substring(0, equals);
      if (pairs.put(name, text.substring(equals + 1)) != null) {
        throw new UsageException("%s %s is given twice".formatted(option, name));
      }
    }
    return pairs;
  }
}
