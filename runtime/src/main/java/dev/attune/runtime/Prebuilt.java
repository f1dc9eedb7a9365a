package dev.attune.runtime;

import dev.attune.ptx.artifact.Artifact;
import dev.attune.ptx.compile.Request;
import java.util.List;

/** Kernels of one spec that a build has made ahead. Used from several threads. */
@FunctionalInterface
public interface Prebuilt {

  /**
   * The kernels for a request, best first; none where the build made none for it, which are then
   * compiled.
   */
  List<Artifact> artifacts(Request request);

  /** Nothing was made ahead. */
  static Prebuilt none() {
    return request -> List.of();
  }
}
