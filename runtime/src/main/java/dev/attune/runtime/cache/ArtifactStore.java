package dev.attune.runtime.cache;

import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Clause;
import dev.attune.compiler.spec.Normalization;
import dev.attune.compiler.spec.Origin;
import dev.attune.compiler.spec.ParamDecl;
import dev.attune.compiler.spec.TensorDecl;
import dev.attune.ptx.artifact.ArtifactException;
import dev.attune.ptx.artifact.ArtifactList;
import dev.attune.ptx.compile.Candidates;
import dev.attune.ptx.compile.CompilerVersion;
import dev.attune.ptx.compile.Request;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
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

  /** The candidates; none where they are not in the cache. */
  public Optional<Candidates> get(AttentionSpec spec, Request request) {
    return cache.get(key(spec, request)).flatMap(ArtifactStore::decode);
  }

  /** Keeps candidates. */
  public void put(AttentionSpec spec, Request request, Candidates candidates) {
    cache.put(key(spec, request), encode(candidates));
  }

  private Key key(AttentionSpec spec, Request request) {
    return Key.of(KIND, meaning(spec), compiler, request.toString());
  }

  /** The number of refusals, the family and the reason of each, and the artifacts. */
  private static byte[] encode(Candidates candidates) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (DataOutputStream out = new DataOutputStream(bytes)) {
      out.writeInt(candidates.refusals().size());
      for (Candidates.Refusal refusal : candidates.refusals()) {
        out.writeUTF(refusal.family());
        out.writeUTF(refusal.reason());
      }
      out.write(ArtifactList.toBytes(candidates.artifacts()));
    } catch (IOException e) {
      throw new UncheckedIOException("memory does not fail", e);
    }
    return bytes.toByteArray();
  }

  private static Optional<Candidates> decode(byte[] bytes) {
    try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(bytes))) {
      List<Candidates.Refusal> refusals = new ArrayList<>();
      for (int left = in.readInt(); left > 0; left--) {
        refusals.add(new Candidates.Refusal(in.readUTF(), in.readUTF()));
      }
      return Optional.of(
          new Candidates(ArtifactList.fromBytes(in.readAllBytes()), List.copyOf(refusals)));
    } catch (IOException | ArtifactException e) {
      return Optional.empty();
    }
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
