package dev.attune.runtime;

import dev.attune.compiler.schedule.Batching;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.ptx.artifact.Artifact;
import dev.attune.ptx.artifact.Manifest;
import dev.attune.ptx.compile.Family;
import dev.attune.ptx.compile.Request;
import java.util.List;
import java.util.Optional;

/** A family that a class path brings: its only kernel is {@link CopyKernel}'s, for its own spec. */
public final class CopyFamily implements Family {
  @Override
  public String name() {
    return "copy";
  }

  @Override
  public int rank() {
    return 10;
  }

  @Override
  public Answer answer(AttentionSpec spec, Request request) {
    if (!spec.name().equals(CopyKernel.SPEC.name()) || request.batching() != Batching.DENSE) {
      return new Answer.Refusal("it copies dense batches and cannot compute " + spec.name());
    }
    Artifact made = CopyKernel.artifact(request.headDim());
    Manifest m = made.manifest();
    return new Answer.Candidates(
        List.of(
            new Artifact(
                new Manifest(
                    m.spec(),
                    m.entry(),
                    m.target(),
                    m.dtype(),
                    m.headDim(),
                    m.grid(),
                    m.batching(),
                    m.queries(),
                    m.threads(),
                    m.rowsPerBlock(),
                    m.sharedBytes(),
                    m.parameters(),
                    m.params(),
                    m.tensors(),
                    Optional.empty(),
                    name(),
                    "through shared memory"),
                made.ptx())));
  }
}
