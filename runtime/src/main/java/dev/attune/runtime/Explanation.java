package dev.attune.runtime;

import dev.attune.compiler.schedule.Lengths;
import dev.attune.compiler.spec.Shape;
import dev.attune.ptx.artifact.Manifest;
import dev.attune.ptx.compile.Candidates;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * Why a launch takes the kernel that it takes.
 *
 * @param candidates what each says to the arguments, best first
 * @param families those without a candidate, and why; none of kernels that were built ahead
 */
public record Explanation(List<Verdict> candidates, List<Candidates.Refusal> families) {

  public Explanation {
    candidates = List.copyOf(candidates);
    families = List.copyOf(families);
  }

  /**
   * Whether a candidate takes the arguments.
   *
   * @param name the family and a number in it, such as {@code hopper.2}
   * @param refusal one sentence why not; absent if it takes them
   * @param chosen whether it is the one that a launch takes
   */
  public record Verdict(String name, Manifest manifest, Optional<String> refusal, boolean chosen) {

    /** Whether the candidate takes the arguments. */
    public boolean accepts() {
      return refusal.isEmpty();
    }
  }

  /** What a launch takes; nothing where all refuse. */
  public Optional<Verdict> chosen() {
    return candidates.stream().filter(Verdict::chosen).findFirst();
  }

  /**
   * A table, each line ended by a newline: name, target, answer, the query lengths that a candidate
   * is meant for, its schedule, and below it why it refuses.
   */
  public String print() {
    List<Row> rows = new ArrayList<>();
    rows.add(new Row(List.of("kernel", "target", "takes it", "queries", "schedule"), ""));
    candidates.forEach(v -> rows.add(row(v)));
    families.forEach(f -> rows.add(new Row(List.of(f.family(), "", "no", "", ""), f.reason())));
    return rows.stream().map(row -> row.print(rows)).collect(Collectors.joining());
  }

  private static Row row(Verdict v) {
    return new Row(
        List.of(
            v.name(),
            v.manifest().target().ptxName(),
            v.chosen() ? "chosen" : v.accepts() ? "yes" : "no",
            queries(v.manifest()),
            v.manifest().schedule()),
        v.refusal().orElse(""));
  }

  private record Row(List<String> cells, String reason) {

    /** The row, its cells as wide as those of all rows. */
    String print(List<Row> all) {
      StringBuilder line = new StringBuilder();
      for (int i = 0; i < cells.size(); i++) {
        int column = i;
        int width = all.stream().mapToInt(row -> row.cells.get(column).length()).max().orElse(0);
        line.append(cells.get(i)).append(" ".repeat(width + 2 - cells.get(i).length()));
      }
      String below = reason.isEmpty() ? "" : "    " + reason + "\n";
      return line.toString().stripTrailing() + "\n" + below;
    }
  }

  /** Lengths of residue classes are not those of queries, and marked so. */
  private static String queries(Manifest manifest) {
    Lengths q = manifest.queries();
    String lengths =
        q.equals(Lengths.ALL)
            ? "any"
            : q.to() == Shape.MAX_SEQ ? q.from() + " or more" : q.from() + " to " + q.to();
    return manifest.step().isPresent() ? lengths + " of a class" : lengths;
  }
}
