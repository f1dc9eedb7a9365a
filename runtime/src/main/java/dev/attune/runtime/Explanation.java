package dev.attune.runtime;

import dev.attune.compiler.schedule.Lengths;
import dev.attune.compiler.spec.Shape;
import dev.attune.ptx.artifact.Manifest;
import dev.attune.ptx.compile.Candidates;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

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
    List<List<String>> rows = new ArrayList<>();
    rows.add(List.of("kernel", "target", "takes it", "queries", "schedule"));
    for (Verdict v : candidates) {
      rows.add(
          List.of(
              v.name(),
              v.manifest().target().ptxName(),
              v.chosen() ? "chosen" : v.accepts() ? "yes" : "no",
              queries(v.manifest()),
              v.manifest().schedule()));
    }
    families.forEach(f -> rows.add(List.of(f.family(), "", "no", "", "")));
    List<String> reasons = new ArrayList<>(List.of(""));
    candidates.forEach(v -> reasons.add(v.refusal().orElse("")));
    families.forEach(f -> reasons.add(f.reason()));
    StringBuilder text = new StringBuilder();
    for (int row = 0; row < rows.size(); row++) {
      StringBuilder line = new StringBuilder();
      for (int column = 0; column < rows.getFirst().size(); column++) {
        String cell = rows.get(row).get(column);
        line.append(cell).append(" ".repeat(width(rows, column) + 2 - cell.length()));
      }
      text.append(line.toString().stripTrailing()).append('\n');
      if (!reasons.get(row).isEmpty()) {
        text.append("    ").append(reasons.get(row)).append('\n');
      }
    }
    return text.toString();
  }

  private static int width(List<List<String>> rows, int column) {
    return rows.stream().mapToInt(row -> row.get(column).length()).max().orElse(0);
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
