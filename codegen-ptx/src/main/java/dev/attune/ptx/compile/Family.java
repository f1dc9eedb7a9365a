package dev.attune.ptx.compile;

import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.ptx.artifact.Artifact;
import java.util.List;

/**
 * A way of computing attention on some GPUs, and where candidates for a launch come from. Families
 * are services: {@link java.util.ServiceLoader} finds those that a class path or module path has
 * beside the built-in ones. Used from several threads.
 */
public interface Family {

  /**
   * A lower-case word that is unique among families; manifests and tables of candidates name it.
   */
  String name();

  /**
   * Where the family's candidates stand among those of others: before those of a higher rank.
   * {@link HopperFamily} has 100, {@link AmpereFamily}, which refuses nothing that a launch may ask
   * for, 1000.
   */
  int rank();

  /**
   * What the family has for a request.
   *
   * @param request not ruled out by the spec
   */
  Answer answer(AttentionSpec spec, Request request);

  /** Candidates, or why there is none. */
  sealed interface Answer {

    /**
     * Kernels of the spec.
     *
     * @param artifacts best first, at least one; the manifest of each names the family
     */
    record Candidates(List<Artifact> artifacts) implements Answer {
      public Candidates {
        artifacts = List.copyOf(artifacts);
        if (artifacts.isEmpty()) {
          throw new IllegalArgumentException("no artifacts: a family that has none says why");
        }
      }
    }

    /**
     * The family has no kernel.
     *
     * @param reason a clause that says what was found and what the family needs
     */
    record Refusal(String reason) implements Answer {}
  }
}
