package dev.attune.compiler.reference;

import dev.attune.compiler.spec.Bindings;
import dev.attune.compiler.spec.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.TreeSet;

/** One row of one head. */
public record RowId(int b, int h, int q) {

  /** Every row of the sequences of a batch, in the order of LSE. */
  public static List<RowId> all(Bindings bindings) {
    return all(bindings.shape()).stream().filter(r -> r.q < bindings.queries(r.b)).toList();
  }

  /** Every row, in the order of LSE. */
  public static List<RowId> all(Shape shape) {
    List<RowId> rows = new ArrayList<>();
    for (long i = 0; i < count(shape); i++) {
      rows.add(at(shape, i));
    }
    return rows;
  }

  /**
   * At most {@code count} rows, in order: the first and last of the problem and of each power of
   * two of query positions, the rest drawn at random.
   */
  public static List<RowId> sample(Shape shape, int count, long seed) {
    long total = count(shape);
    if (total <= count) {
      return all(shape);
    }
    TreeSet<Long> chosen = new TreeSet<>();
    chosen.add(0L);
    chosen.add(total - 1);
    for (long q = 1; q < shape.seq() && chosen.size() + 1 < count; q *= 2) {
      chosen.add(q - 1);
      chosen.add(q);
    }
    Random random = new Random(seed);
    while (chosen.size() < count) {
      chosen.add(random.nextLong(total));
    }
    return chosen.stream().map(i -> at(shape, i)).toList();
  }

  /** The same of the rows of the sequences of a batch, but for the powers of two. */
  public static List<RowId> sample(Bindings bindings, int count, long seed) {
    if (bindings.lengths().isEmpty()) {
      return sample(bindings.shape(), count, seed);
    }
    List<RowId> all = all(bindings);
    if (all.size() <= count) {
      return all;
    }
    TreeSet<Integer> chosen = new TreeSet<>(List.of(0, all.size() - 1));
    Random random = new Random(seed);
    while (chosen.size() < count) {
      chosen.add(random.nextInt(all.size()));
    }
    return chosen.stream().map(all::get).toList();
  }

  private static long count(Shape shape) {
    return (long) shape.batch() * shape.heads() * shape.seq();
  }

  private static RowId at(Shape shape, long i) {
    return new RowId(
        (int) (i / shape.seq() / shape.heads()),
        (int) (i / shape.seq() % shape.heads()),
        (int) (i % shape.seq()));
  }

  /** The place of this row's LSE in [B, Hq, Sq]. */
  public int lseIndex(Shape s) {
    return (b * s.heads() + h) * s.seq() + q;
  }

  /** The place of this row's first output in [B, Sq, Hq, Dv]. */
  public int outputIndex(Shape s) {
    return ((b * s.seq() + q) * s.heads() + h) * s.headDim().v();
  }
}
