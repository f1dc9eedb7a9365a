package dev.attune.cli.measure;

import dev.attune.compiler.schedule.Lengths;
import dev.attune.compiler.schedule.Schedule.Hopper;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.compiler.spec.Shape;
import dev.attune.ptx.tune.MaskClass;
import dev.attune.ptx.tune.TunedSchedules.Entry;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/**
 * The fastest schedule at one length.
 *
 * @param length of queries and keys alike
 * @param tflops what it reached
 */
public record Winner(int length, Hopper schedule, double tflops) {

  /**
   * The entries of a table for the winners at some lengths. A schedule serves the lengths that are
   * nearer to its own than to another's, as a ratio; neighbours that agree share an entry.
   */
  public static List<Entry> entries(
      Dtype dtype, HeadDim dim, MaskClass mask, List<Winner> winners, String when) {
    List<Winner> sorted = winners.stream().sorted(Comparator.comparingInt(Winner::length)).toList();
    List<Entry> entries = new ArrayList<>();
    int from = 1;
    List<Winner> same = new ArrayList<>();
    for (int i = 0; i < sorted.size(); i++) {
      Winner winner = sorted.get(i);
      same.add(winner);
      boolean last = i + 1 == sorted.size();
      if (!last && alike(winner.schedule(), sorted.get(i + 1).schedule())) {
        continue;
      }
      int to = last ? Shape.MAX_SEQ : between(winner.length(), sorted.get(i + 1).length());
      Hopper schedule = winner.schedule().because(why(same, when));
      entries.add(new Entry(dtype, dim, mask, new Lengths(from, to), Lengths.ALL, schedule));
      from = to + 1;
      same.clear();
    }
    return entries;
  }

  private static boolean alike(Hopper a, Hopper b) {
    return a.because("").equals(b.because(""));
  }

  private static int between(int low, int high) {
    return Math.clamp((long) Math.sqrt((double) low * high), low, high - 1);
  }

  private static String why(List<Winner> winners, String when) {
    return "%s TFLOP/s at S = %s, %s"
        .formatted(
            winners.stream()
                .map(w -> String.format(Locale.ROOT, "%.0f", w.tflops()))
                .collect(Collectors.joining(", ")),
            winners.stream().map(w -> "" + w.length()).collect(Collectors.joining(", ")),
            when);
  }
}
