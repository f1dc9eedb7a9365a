package dev.attune.runtime.cache;

import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Clause;
import dev.attune.compiler.spec.Normalization;
import dev.attune.compiler.spec.Origin;
import dev.attune.compiler.spec.ParamDecl;
import dev.attune.compiler.spec.TensorDecl;
import dev.attune.ptx.artifact.Artifact;
import dev.attune.ptx.artifact.ArtifactException;
import dev.attune.ptx.artifact.ArtifactList;
import dev.attune.ptx.compile.CompilerVersion;
import dev.attune.ptx.compile.Family;
import dev.attune.ptx.compile.Request;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** The candidates that the compiler made of specs, in a cache. */
public final class ArtifactStore {
  private static final String KIND = "artifacts";
  private static final Origin NOWHERE = new Origin("", 0);

  private final DiskCache cache;
  private final String compiler;

  /** What this compiler has made. */
  public ArtifactStore(DiskCache cache) {
    this(cache, CompilerVersion.id());
  }

  /** What a compiler of some identity has made. */
  ArtifactStore(DiskCache cache, String compiler) {
    this.cache = cache;
    this.compiler = compiler;
  }

  /** A family's candidates, best first; none where they are not in the cache. */
  public Optional<List<Artifact>> get(String family, AttentionSpec spec, Request request) {
    try {
      return cache.get(key(family, spec, request)).map(ArtifactList::fromBytes);
    } catch (ArtifactException e) {
      return Optional.empty();
    }
  }

  /** Keeps a family's candidates. */
  public void put(String family, AttentionSpec spec, Request request, List<Artifact> candidates) {
    cache.put(key(family, spec, request), ArtifactList.toBytes(candidates));
  }

  /**
   * The family, compiling only what is not in the cache. A family that is not the compiler's own
   * stays as it is: the compiler's identity says nothing about its code.
   */
  public Family keeping(Family family) {
    return family.getClass().getPackage().equals(Family.class.getPackage())
        ? new Keeping(this, family)
        : family;
  }

  private record Keeping(ArtifactStore store, Family family) implements Family {
    @Override
    public String name() {
      return family.name();
    }

    @Override
    public int rank() {
      return family.rank();
    }

    @Override
    public Answer answer(AttentionSpec spec, Request request) {
      Optional<List<Artifact>> kept = store.get(name(), spec, request);
      if (kept.isPresent()) {
        return new Answer.Candidates(kept.get());
      }
      Answer answer = family.answer(spec, request);
      if (answer instanceof Answer.Candidates(List<Artifact> made)) {
        store.put(name(), spec, request, made);
      }
      return answer;
    }
  }

  private Key key(String family, AttentionSpec spec, Request request) {
    return Key.of(KIND, family, meaning(spec), compiler, request.toString());
  }

  /**
   * A spec as text that is the same for every spec of the same meaning, wherever that was written.
   * Records print all that they are made of, so nothing can be forgotten.
   */
  public static String meaning(AttentionSpec spec) {
    AttentionSpec anywhere =
        new AttentionSpec(
            spec.name(),
            NOWHERE,
            spec.params().stream().map(ArtifactStore::anywhere).toList(),
            spec.tensors().stream().map(ArtifactStore::anywhere).toList(),
            anywhere(spec.score()),
            anywhere(spec.mask()),
            anywhere(spec.normalization()),
            // A set prints in any order: its elements are added below.
            Set.of(),
            spec.dtype(),
            spec.headDim(),
            spec.instances(),
            spec.step());
    return anywhere + " " + spec.outputs().stream().sorted().toList();
  }

  private static Clause anywhere(Clause clause) {
    return new Clause(clause.expr(), NOWHERE);
  }

  private static ParamDecl anywhere(ParamDecl p) {
    return new ParamDecl(
        p.name(),
        p.type(),
        p.defaultValue(),
        p.condition().map(ArtifactStore::anywhere),
        p.range(),
        NOWHERE);
  }

  private static TensorDecl anywhere(TensorDecl t) {
    return new TensorDecl(
        t.name(), t.type(), t.shape(), t.nondecreasing(), t.range(), t.differentiable(), NOWHERE);
  }

  private static Normalization anywhere(Normalization normalization) {
    return switch (normalization) {
      case Normalization.Softmax(Optional<Clause> sink) ->
          new Normalization.Softmax(sink.map(ArtifactStore::anywhere));
      case Normalization.Weight(Clause weight) -> new Normalization.Weight(anywhere(weight));
    };
  }
}
