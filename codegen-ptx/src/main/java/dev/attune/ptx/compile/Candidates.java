package dev.attune.ptx.compile;

import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.ptx.artifact.Artifact;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.stream.Collectors;

/**
 * What launches of a spec may choose from, and which families have nothing to offer.
 *
 * @param artifacts best first
 * @param refusals in the families' order
 */
public record Candidates(List<Artifact> artifacts, List<Refusal> refusals) {

  public Candidates {
    artifacts = List.copyOf(artifacts);
    refusals = List.copyOf(refusals);
  }

  /** Kernels that were made earlier, and no word of others. */
  public Candidates(List<Artifact> artifacts) {
    this(artifacts, List.of());
  }

  /**
   * A family without a kernel.
   *
   * @param reason as in {@link Family.Answer.Refusal}
   */
  public record Refusal(String family, String reason) {}

  /** The families that there are, by rank and then by name. */
  public static List<Family> families() {
    return Found.FAMILIES;
  }

  /** Found once: class paths do not change. */
  private static final class Found {
    static final List<Family> FAMILIES =
        ServiceLoader.load(Family.class).stream()
            .map(ServiceLoader.Provider::get)
            .sorted(Comparator.comparingInt(Family::rank).thenComparing(Family::name))
            .toList();
  }

  /**
   * Asks every family.
   *
   * @throws IllegalArgumentException if the spec fixes another dtype or head dimension
   */
  public static Candidates of(AttentionSpec spec, Request request) {
    return of(families(), spec, request);
  }

  /** Asks some families, in order. */
  static Candidates of(List<Family> families, AttentionSpec spec, Request request) {
    request.requireFor(spec);
    List<Artifact> artifacts = new ArrayList<>();
    List<Refusal> refusals = new ArrayList<>();
    for (Family family : families) {
      switch (family.answer(spec, request)) {
        case Family.Answer.Candidates(List<Artifact> own) -> artifacts.addAll(own);
        case Family.Answer.Refusal(String reason) ->
            refusals.add(new Refusal(family.name(), reason));
      }
    }
    return new Candidates(artifacts, refusals);
  }

  /** Why there is nothing to choose from: the families' reasons, each once. */
  public String refusal() {
    Map<String, String> families =
        refusals.stream()
            .collect(
                Collectors.toMap(
                    Refusal::reason, Refusal::family, (a, b) -> a + ", " + b, LinkedHashMap::new));
    return families.size() == 1
        ? refusals.getFirst().reason()
        : families.entrySet().stream()
            .map(e -> e.getValue() + ": " + e.getKey())
            .collect(Collectors.joining("; ", "no family has a kernel: ", ""));
  }
}
