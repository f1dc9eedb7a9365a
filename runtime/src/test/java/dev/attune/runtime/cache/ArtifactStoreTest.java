package dev.attune.runtime.cache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import dev.attune.compiler.schedule.Batching;
import dev.attune.compiler.schedule.Target;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Clause;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.Extent;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.compiler.spec.Normalization;
import dev.attune.compiler.spec.Origin;
import dev.attune.compiler.spec.Output;
import dev.attune.compiler.spec.ParamDecl;
import dev.attune.compiler.spec.ScalarType;
import dev.attune.compiler.spec.TensorDecl;
import dev.attune.ptx.artifact.Artifact;
import dev.attune.ptx.compile.Candidates;
import dev.attune.ptx.compile.KernelCompiler;
import dev.attune.ptx.compile.Request;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ArtifactStoreTest {
  private static final Request REQUEST =
      new Request(List.of(Target.SM_80), Dtype.BF16, new HeadDim(64, 64), Batching.DENSE);

  @TempDir Path home;

  private static AttentionSpec spec(String file, Expr mask, Expr gain, Set<Output> outputs) {
    Origin origin = new Origin(file, 3);
    return new AttentionSpec(
        "mine",
        origin,
        List.of(
            new ParamDecl(
                "gain",
                ScalarType.FLOAT,
                gain,
                Optional.of(new Clause(new Expr.BoolConst(true), origin)),
                new ParamDecl.Range(0, 2),
                origin)),
        List.of(
            new TensorDecl(
                "bias",
                ScalarType.FLOAT,
                List.of(new Expr.Size(Extent.HQ)),
                false,
                Optional.empty(),
                false,
                origin)),
        new Clause(Exprs.mul(new Expr.Score(), new Expr.Scale()), origin),
        new Clause(mask, origin),
        new Normalization.Softmax(Optional.of(new Clause(Exprs.of(0.5), origin))),
        outputs,
        Optional.empty(),
        Optional.empty(),
        List.of());
  }

  private static AttentionSpec spec(String file) {
    return spec(file, new Expr.BoolConst(true), Exprs.of(1.0), Set.of(Output.LSE));
  }

  private ArtifactStore store(String compiler) {
    return new ArtifactStore(DiskCache.at(home.resolve("attune")), compiler);
  }

  @Test
  void candidatesComeBack() {
    AttentionSpec spec = spec("mine.attn");
    Artifact artifact =
        KernelCompiler.compile(
                spec, new KernelCompiler.Options(Target.SM_80, Dtype.BF16, new HeadDim(64, 64)))
            .artifact();
    Candidates candidates =
        new Candidates(
            List.of(artifact, artifact), List.of(new Candidates.Refusal("hopper", "too old")));
    ArtifactStore store = new ArtifactStore(DiskCache.at(home.resolve("attune")));
    assertEquals(Optional.empty(), store.get(spec, REQUEST));
    store.put(spec, REQUEST, candidates);
    assertEquals(Optional.of(candidates), store.get(spec, REQUEST));
    assertEquals(Optional.of(candidates), store.get(spec("elsewhere.attn"), REQUEST));
    assertEquals(Optional.empty(), store("another").get(spec, REQUEST));
    for (Request other :
        List.of(
            new Request(
                List.of(Target.SM_86), REQUEST.dtype(), REQUEST.headDim(), REQUEST.batching()),
            new Request(REQUEST.targets(), Dtype.F16, REQUEST.headDim(), REQUEST.batching()),
            new Request(
                REQUEST.targets(), REQUEST.dtype(), new HeadDim(64, 32), REQUEST.batching()),
            new Request(REQUEST.targets(), REQUEST.dtype(), REQUEST.headDim(), Batching.PACKED))) {
      assertEquals(Optional.empty(), store.get(spec, other), other.toString());
    }
  }

  @Test
  void bytesThatAreNoArtifactsCountAsMissing() {
    AttentionSpec spec = spec("mine.attn");
    DiskCache cache = DiskCache.at(home.resolve("attune"));
    cache.put(
        Key.of("artifacts", ArtifactStore.meaning(spec), "c", REQUEST.toString()),
        "rubbish".getBytes(StandardCharsets.UTF_8));
    assertEquals(Optional.empty(), store("c").get(spec, REQUEST));
  }

  @Test
  void meaningIsAllButPlaces() {
    Expr causal = Exprs.of(true);
    String meaning = ArtifactStore.meaning(spec("a.attn"));
    assertEquals(meaning, ArtifactStore.meaning(spec("b.attn")));
    for (AttentionSpec other :
        List.of(
            spec("a.attn", Exprs.of(false), Exprs.of(1.0), Set.of(Output.LSE)),
            spec("a.attn", causal, Exprs.of(Math.nextUp(1.0)), Set.of(Output.LSE)),
            spec("a.attn", causal, Exprs.of(1.0), Set.of(Output.LSE, Output.MAX_SCORE)))) {
      assertNotEquals(meaning, ArtifactStore.meaning(other));
    }
  }
}
