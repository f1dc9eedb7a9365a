package dev.attune.runtime.cache;

import dev.attune.compiler.schedule.Batching;
import dev.attune.compiler.schedule.Target;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Clause;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.compiler.spec.Normalization;
import dev.attune.compiler.spec.Origin;
import dev.attune.compiler.spec.ParamDecl;
import dev.attune.compiler.spec.TensorDecl;
import dev.attune.ptx.artifact.Artifact;
import dev.attune.ptx.artifact.ArtifactException;
import dev.attune.ptx.artifact.ArtifactList;
import dev.attune.ptx.compile.CompilerVersion;
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

  /**
   * What is compiled of a spec.
   *
   * @param targets in order of preference
   */
  public record Request(List<Target> targets, Dtype dtype, HeadDim headDim, Batching batching) {
    public Request {
      targets = List.copyOf(targets);
    }
  }

  /** The candidates, best first; none where they are not in the cache. */
  public Optional<List<Artifact>> get(AttentionSpec spec, Request request) {
    try {
      return cache.get(key(spec, request)).map(ArtifactList::fromBytes);
    } catch (ArtifactException e) {
      return Optional.empty();
    }
  }

  /** Keeps candidates. */
  public void put(AttentionSpec spec, Request request, List<Artifact> candidates) {
    cache.put(key(spec, request), ArtifactList.toBytes(candidates));
  }

  private Key key(AttentionSpec spec, Request request) {
    return Key.of(KIND, meaning(spec), compiler, request.toString());
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
