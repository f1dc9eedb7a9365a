package dev.attune.ptx.artifact;

import java.util.Optional;

/**
 * A compiled kernel.
 *
 * @param ptx PTX text, ending in a newline, without a NUL
 * @param cubin what a build assembled of it, where one did
 */
public record Artifact(Manifest manifest, String ptx, Optional<Cubin> cubin) {

  /** Without machine code. */
  public Artifact(Manifest manifest, String ptx) {
    this(manifest, ptx, Optional.empty());
  }

  /** The same with machine code. */
  public Artifact with(Cubin assembled) {
    return new Artifact(manifest, ptx, Optional.of(assembled));
  }
}
