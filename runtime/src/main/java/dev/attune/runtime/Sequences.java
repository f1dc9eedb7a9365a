package dev.attune.runtime;

import dev.attune.compiler.schedule.Batching;
import dev.attune.compiler.spec.NdArray;
import dev.attune.compiler.spec.Operand;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * Where the sequences of a batch lie that is not dense.
 *
 * <p>Of a packed batch Q and O are [tokens, Hq, D], K and V [tokens, Hkv, D], one sequence after
 * another, and LSE is [Hq, tokens]; {@code cu_seqlens_q} and {@code cu_seqlens_kv}, int32 [B + 1],
 * say at which token each sequence begins and the last one ends. A padded batch has the shapes of a
 * dense one; {@code lengths_q} and {@code lengths_kv}, int32 [B], say how many of its first tokens
 * each sequence has. What lies beyond the end of a sequence is neither read nor written.
 *
 * <p>Numbers that come from the host are checked. Those that only the device knows are not: a
 * kernel takes wrong ones for others that lie inside the tensors.
 */
public final class Sequences implements AutoCloseable {
  private final Batching batching;
  private final Tensor queries;
  private final Tensor keys;
  private final int maxQueries;
  private final int maxKeys;
  private final Optional<Known> known;

  /** Numbers from the host. */
  private record Known(Spans queries, Spans keys) {}

  /**
   * The sequences along one axis.
   *
   * @param first token at which each begins
   * @param lengths tokens of each
   */
  private record Spans(List<Integer> first, List<Integer> lengths) {

    int longest() {
      return lengths.stream().max(Integer::compare).orElse(0);
    }

    /** Tokens up to the end of the last; of a padded batch those that every sequence needs. */
    int end(Batching batching) {
      int last = lengths.size() - 1;
      return batching == Batching.PADDED || last < 0
          ? longest()
          : first.get(last) + lengths.get(last);
    }
  }

  private Sequences(
      Batching batching,
      Tensor queries,
      Tensor keys,
      int maxQueries,
      int maxKeys,
      Optional<Known> known) {
    this.batching = batching;
    this.queries = queries;
    this.keys = keys;
    this.maxQueries = maxQueries;
    this.maxKeys = maxKeys;
    this.known = known;
  }

  /**
   * A packed batch, whose launch maxima are its longest sequences.
   *
   * @param queries {@code cu_seqlens_q}; likewise {@code keys}
   * @throws LaunchException if one does not start at 0, decreases or has another number of entries
   */
  public static Sequences packed(Device device, int[] queries, int[] keys) {
    Known known = packed(queries, keys);
    return packed(device, queries, keys, known.queries.longest(), known.keys.longest());
  }

  /**
   * A packed batch.
   *
   * @param maxQueries what Sq means in the shapes of captured tensors; likewise {@code maxKeys}
   * @throws LaunchException as above, and if a sequence is longer
   */
  public static Sequences packed(
      Device device, int[] queries, int[] keys, int maxQueries, int maxKeys) {
    Known known = packed(queries, keys);
    requireAtMost("queries", known.queries, maxQueries);
    requireAtMost("keys", known.keys, maxKeys);
    return upload(device, Batching.PACKED, queries, keys, maxQueries, maxKeys, known);
  }

  /**
   * A padded batch.
   *
   * @param queries {@code lengths_q}; likewise {@code keys}
   * @throws LaunchException if a length is negative or the numbers of lengths differ
   */
  public static Sequences padded(Device device, int[] queries, int[] keys) {
    Known known = new Known(lengths("lengths_q", queries), lengths("lengths_kv", keys));
    requireAsMany(Batching.PADDED, queries.length, keys.length);
    return upload(
        device,
        Batching.PADDED,
        queries,
        keys,
        known.queries.longest(),
        known.keys.longest(),
        known);
  }

  /**
   * A packed batch whose sequences only the device knows. The tensors stay the caller's.
   *
   * @param queries {@code cu_seqlens_q}; likewise {@code keys}
   * @param maxQueries queries of the longest sequence, or more; likewise {@code maxKeys}
   */
  public static Sequences packed(Tensor queries, Tensor keys, int maxQueries, int maxKeys) {
    return new Sequences(Batching.PACKED, queries, keys, maxQueries, maxKeys, Optional.empty());
  }

  /** A padded batch whose lengths only the device knows. The tensors stay the caller's. */
  public static Sequences padded(Tensor queries, Tensor keys) {
    return new Sequences(Batching.PADDED, queries, keys, 0, 0, Optional.empty());
  }

  private static Sequences upload(
      Device device,
      Batching batching,
      int[] queries,
      int[] keys,
      int maxQueries,
      int maxKeys,
      Known known) {
    return new Sequences(
        batching,
        device.tensor(new NdArray(new int[] {queries.length}, queries)),
        device.tensor(new NdArray(new int[] {keys.length}, keys)),
        maxQueries,
        maxKeys,
        Optional.of(known));
  }

  private static Known packed(int[] queries, int[] keys) {
    Spans q = offsets("cu_seqlens_q", queries);
    Spans k = offsets("cu_seqlens_kv", keys);
    requireAsMany(Batching.PACKED, queries.length, keys.length);
    return new Known(q, k);
  }

  private static Spans offsets(String name, int[] offsets) {
    if (offsets.length == 0) {
      throw new LaunchException("%s has no entries, expected at least one".formatted(name));
    }
    if (offsets[0] != 0) {
      throw new LaunchException("%s[0] is %d, expected 0".formatted(name, offsets[0]));
    }
    List<Integer> lengths = new ArrayList<>();
    for (int i = 1; i < offsets.length; i++) {
      if (offsets[i] < offsets[i - 1]) {
        throw new LaunchException(
            "%s[%d] is %d, expected at least %d, which the entry before it is"
                .formatted(name, i, offsets[i], offsets[i - 1]));
      }
      lengths.add(offsets[i] - offsets[i - 1]);
    }
    List<Integer> first = Arrays.stream(offsets).limit(lengths.size()).boxed().toList();
    return new Spans(first, List.copyOf(lengths));
  }

  private static Spans lengths(String name, int[] lengths) {
    for (int i = 0; i < lengths.length; i++) {
      if (lengths[i] < 0) {
        throw new LaunchException(
            "%s[%d] is %d, expected at least 0".formatted(name, i, lengths[i]));
      }
    }
    List<Integer> all = Arrays.stream(lengths).boxed().toList();
    return new Spans(all.stream().map(n -> 0).toList(), all);
  }

  private static void requireAsMany(Batching batching, int queries, int keys) {
    if (queries != keys) {
      throw new LaunchException(
          "%s has %d entries and %s %d, expected as many"
              .formatted(name(batching, Operand.Q), queries, name(batching, Operand.K), keys));
    }
  }

  private static void requireAtMost(String what, Spans spans, int most) {
    for (int b = 0; b < spans.lengths.size(); b++) {
      if (spans.lengths.get(b) > most) {
        throw new LaunchException(
            "sequence %d has %d %s, expected at most %d, the launch's maximum"
                .formatted(b, spans.lengths.get(b), what, most));
      }
    }
  }

  /** How the sequences lie. */
  public Batching batching() {
    return batching;
  }

  /** What messages call the numbers of Q or K. */
  String name(Operand of) {
    return name(batching, of);
  }

  private static String name(Batching batching, Operand of) {
    String axis = of == Operand.Q ? "q" : "kv";
    return (batching == Batching.PACKED ? "cu_seqlens_" : "lengths_") + axis;
  }

  /** The numbers of Q. */
  Tensor queries() {
    return queries;
  }

  /** The numbers of K. */
  Tensor keys() {
    return keys;
  }

  /** What no sequence of a packed batch exceeds. */
  int maxQueries() {
    return maxQueries;
  }

  /** What no sequence of a packed batch exceeds. */
  int maxKeys() {
    return maxKeys;
  }

  /** How many sequences there are. */
  int count() {
    return batching == Batching.PACKED ? queries.extent(0) - 1 : queries.extent(0);
  }

  /** Up to where Q reaches at least; nothing where only the device knows. */
  int queryEnd() {
    return known.map(k -> k.queries.end(batching)).orElse(0);
  }

  /** Up to where K and V reach at least; nothing where only the device knows. */
  int keyEnd() {
    return known.map(k -> k.keys.end(batching)).orElse(0);
  }

  /** What of an output is of a sequence; nothing where only the device knows. */
  List<Tensor> parts(Tensor output) {
    List<Tensor> parts = new ArrayList<>();
    if (known.isPresent()) {
      Spans spans = known.get().queries;
      // O has one axis more than LSE, and tokens before heads.
      boolean rows = output.rank() == (batching == Batching.PACKED ? 2 : 3);
      for (int b = 0; b < spans.lengths.size(); b++) {
        Tensor of = batching == Batching.PADDED ? output.slice(0, b, b + 1) : output;
        int axis = (rows ? 1 : 0) + (batching == Batching.PADDED ? 1 : 0);
        int first = spans.first.get(b);
        parts.add(of.slice(axis, first, first + spans.lengths.get(b)));
      }
    }
    return parts;
  }

  /** Frees what was uploaded. */
  @Override
  public void close() {
    if (known.isPresent()) {
      queries.buffer().close();
      keys.buffer().close();
    }
  }
}
