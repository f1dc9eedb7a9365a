package dev.attune.ptx.tune;

import dev.attune.compiler.schedule.Lengths;
import dev.attune.compiler.schedule.Schedule;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.HeadDim;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The fastest schedules of one GPU, as measured.
 *
 * @param gpu the GPU's name as its driver gives it
 * @param entries sorted, with at most one for any problem
 */
public record TunedSchedules(String gpu, List<Entry> entries) {

  /** The tables that ship, by the name of the GPU. */
  private static final Map<String, String> SHIPPED = Map.of("NVIDIA H200", "h200.json");

  private static final Comparator<Entry> ORDER =
      Comparator.<Entry>comparingInt(e -> e.headDim().qk())
          .thenComparingInt(e -> e.headDim().v())
          .thenComparing(Entry::dtype)
          .thenComparing(Entry::mask)
          .thenComparingInt(e -> e.queries().from())
          .thenComparingInt(e -> e.keys().from());

  /**
   * The fastest schedule for some problems.
   *
   * @param queries the query lengths that it is for
   * @param keys the key lengths that it is for
   * @param schedule its {@code why} says what was measured
   */
  public record Entry(
      Dtype dtype,
      HeadDim headDim,
      MaskClass mask,
      Lengths queries,
      Lengths keys,
      Schedule.Hopper schedule) {

    public Entry {
      if (schedule.packed()) {
        throw new IllegalArgumentException("packed schedules are not tuned: " + schedule.print());
      }
    }

    private boolean serves(Dtype d, HeadDim dim, MaskClass m) {
      return dtype == d && headDim.equals(dim) && mask == m;
    }

    private boolean overlaps(Entry other) {
      return serves(other.dtype, other.headDim, other.mask)
          && queries.overlaps(other.queries)
          && keys.overlaps(other.keys);
    }
  }

  public TunedSchedules {
    entries = entries.stream().sorted(ORDER).toList();
    for (int i = 0; i < entries.size(); i++) {
      for (Entry later : entries.subList(i + 1, entries.size())) {
        if (entries.get(i).overlaps(later)) {
          throw new IllegalArgumentException(
              String.format(
                  Locale.ROOT,
                  "two schedules for %s, head dim %s, %s: queries %d to %d and %d to %d",
                  later.dtype().keyword(),
                  later.headDim(),
                  later.mask().keyword(),
                  entries.get(i).queries().from(),
                  entries.get(i).queries().to(),
                  later.queries().from(),
                  later.queries().to()));
        }
      }
    }
  }

  /** The table that ships for a GPU. */
  public static Optional<TunedSchedules> shipped(String gpu) {
    return Optional.ofNullable(SHIPPED.get(gpu)).map(TunedSchedules::resource);
  }

  private static TunedSchedules resource(String name) {
    try (InputStream in = TunedSchedules.class.getResourceAsStream(name)) {
      if (in == null) {
        throw new IllegalStateException("the table " + name + " does not ship");
      }
      return read(new String(in.readAllBytes(), StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * The table of some JSON text.
   *
   * @throws IllegalArgumentException saying what was found and expected, and where
   */
  public static TunedSchedules read(String json) {
    return TunedJson.read(json);
  }

  /** The table as JSON text, one line to an entry. */
  public String write() {
    return TunedJson.write(this);
  }

  /**
   * The schedule for a problem. Where the dtype has none, that of another 16-bit dtype: the work
   * and the memory are the same.
   */
  public Optional<Schedule.Hopper> find(
      Dtype dtype, HeadDim dim, MaskClass mask, int seq, int kvSeq) {
    return candidates(dtype, dim, mask)
        .filter(e -> e.queries().contains(seq) && e.keys().contains(kvSeq))
        .map(Entry::schedule)
        .findFirst();
  }

  /** The entries for a dtype, or else another, whatever the lengths: the shortest queries first. */
  public Stream<Entry> candidates(Dtype dtype, HeadDim dim, MaskClass mask) {
    List<Entry> exact = entries.stream().filter(e -> e.serves(dtype, dim, mask)).toList();
    return exact.isEmpty()
        ? entries.stream().filter(e -> e.serves(e.dtype(), dim, mask))
        : exact.stream();
  }

  /** This table with other entries for every dtype, head dimension and mask that they speak of. */
  public TunedSchedules with(List<Entry> newer) {
    Stream<Entry> kept =
        entries.stream()
            .filter(e -> newer.stream().noneMatch(n -> n.serves(e.dtype(), e.headDim(), e.mask())));
    return new TunedSchedules(gpu, Stream.concat(kept, newer.stream()).toList());
  }
}
