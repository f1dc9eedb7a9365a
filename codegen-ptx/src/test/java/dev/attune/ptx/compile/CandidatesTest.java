package dev.attune.ptx.compile;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.attune.compiler.check.Frontend;
import dev.attune.compiler.check.ImportResolver;
import dev.attune.compiler.schedule.Batching;
import dev.attune.compiler.schedule.Target;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.dsl.diagnostic.Source;
import dev.attune.ptx.artifact.Artifact;
import dev.attune.ptx.artifact.Manifest;
import dev.attune.ptx.compile.KernelCompiler.Compilation;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What families have for a request. */
class CandidatesTest {
  private static final HeadDim DIM = new HeadDim(64, 64);
  private static final List<Target> H100 = List.of(Target.SM_90A, Target.SM_90);

  private static AttentionSpec spec(String clauses) {
    String text = "attention mine { " + clauses + " }";
    return Frontend.load(new Source("mine.attn", text), ImportResolver.none()).specs().getFirst();
  }

  private static List<String> families(Candidates candidates) {
    return candidates.artifacts().stream().map(Artifact::manifest).map(Manifest::family).toList();
  }

  @Test
  void theBuiltInFamiliesAreServicesInTheOrderOfTheirRanks() {
    assertEquals(
        List.of("hopper", "ampere"), Candidates.families().stream().map(Family::name).toList());
  }

  @Test
  void everyFamilyThatRunsOnTheTargetsIsThere() {
    AttentionSpec causal = spec("mask = causal");
    Candidates both = Candidates.of(causal, new Request(H100, Dtype.BF16, DIM));
    assertEquals("ampere", families(both).getLast());
    assertTrue(families(both).indexOf("ampere") == families(both).lastIndexOf("hopper") + 1);
    assertEquals(List.of(), both.refusals());
    assertEquals(
        KernelCompiler.candidates(causal, H100, Dtype.BF16, DIM).stream()
            .map(Compilation::artifact)
            .toList(),
        both.artifacts());
    Candidates old = Candidates.of(causal, new Request(List.of(Target.SM_86), Dtype.F16, DIM));
    assertEquals(List.of("ampere"), families(old));
    assertEquals(
        List.of(
            new Candidates.Refusal(
                "hopper",
                "its kernels need sm_90a, compute capability 9.0, and these are for sm_86")),
        old.refusals());
    Candidates hopper =
        Candidates.of(causal, new Request(List.of(Target.SM_90A), Dtype.F16, DIM, Batching.PACKED));
    assertEquals("hopper", families(hopper).getLast());
    assertEquals("ampere", hopper.refusals().getFirst().family());
  }

  @Test
  void manifestsSayTheFamilyAndTheSchedule() {
    for (Compilation c : KernelCompiler.candidates(spec("mask = causal"), H100, Dtype.BF16, DIM)) {
      assertEquals(c.schedule().print(), c.artifact().manifest().schedule());
    }
  }

  @Test
  void aReasonThatAllShareIsSaidOnce() {
    Request wide = new Request(H100, Dtype.BF16, new HeadDim(320, 64));
    Candidates none = Candidates.of(spec("mask = causal"), wide);
    assertEquals(List.of(), none.artifacts());
    assertEquals(
        "head dim 320,64 is not supported: multiples of 8 from 8 to 256 are", none.refusal());
    assertEquals(
        "no family has a kernel: a, c: no; b: never",
        new Candidates(
                List.of(),
                List.of(
                    new Candidates.Refusal("a", "no"),
                    new Candidates.Refusal("b", "never"),
                    new Candidates.Refusal("c", "no")))
            .refusal());
  }

  @Test
  void whatASpecFixesIsRequired() {
    AttentionSpec fixed = spec("dtype f16 mask = causal");
    IllegalArgumentException e =
        assertThrows(
            IllegalArgumentException.class,
            () -> Candidates.of(fixed, new Request(H100, Dtype.BF16, DIM)));
    assertEquals("mine says dtype f16, but bf16 was asked for", e.getMessage());
    assertThrows(IllegalArgumentException.class, () -> new Request(List.of(), Dtype.F16, DIM));
  }
}
