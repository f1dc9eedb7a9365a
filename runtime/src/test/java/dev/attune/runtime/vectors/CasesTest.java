package dev.attune.runtime.vectors;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.attune.compiler.check.Frontend;
import dev.attune.compiler.check.ImportResolver;
import dev.attune.compiler.schedule.Target;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.dsl.diagnostic.Source;
import dev.attune.ptx.PtxPrinter;
import dev.attune.ptx.PtxVerifier;
import dev.attune.ptx.assemble.Assembler;
import dev.attune.ptx.compile.KernelCompiler;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/** The cases are right kernels, and leave out no form that compiled kernels have. */
class CasesTest {
  /** Loads of packed heads: the boxes of four dimensions with one more of a small extent. */
  private static final String WITHOUT_CASE =
      "cp.async.bulk.tensor.5d.shared::cluster.global.tile.mbarrier::complete_tx::bytes";

  @Test
  void namesAreDistinct() {
    Set<String> names = new HashSet<>();
    Cases.all().forEach(test -> assertEquals(true, names.add(test.name()), test::name));
  }

  @Test
  void theVerifierAcceptsEveryKernel() {
    Cases.all().forEach(test -> PtxVerifier.verify(test.kernel()));
  }

  /** Of the many widths of products, the narrowest and the widest. */
  @Test
  void theAssemblerAcceptsTheKernels() {
    for (GoldenCase test : Cases.all()) {
      boolean product = test.name().startsWith("wgmma.");
      if (!product || test.name().matches(".*\\.bf16\\.n(16\\..*special|256\\..*)")) {
        String ptx = PtxPrinter.print(test.kernel());
        assertFalse(Assembler.assemble(ptx, Target.SM_90A).entries().isEmpty(), test::name);
      }
    }
  }

  @Test
  void everyFormOfCompiledKernelsHasACase() {
    Set<String> covered = new TreeSet<>();
    Cases.all().forEach(test -> Forms.of(test.kernel().body()).forEach(covered::add));
    Set<String> compiled = new TreeSet<>();
    for (Dtype dtype : Dtype.values()) {
      for (int dim : List.of(72, 128, 256)) {
        compile("score = 30.0 * tanh(score / 30.0)\n mask = kv <= q", dtype, dim, compiled);
      }
    }
    for (String score :
        List.of(
            "score + exp(sin(score)) * sqrt(abs(fast_tanh(score))) / log(2.0 + cos(score))",
            "score + rsqrt(2.0 + float(q % 7)) * erf(score) + float(int(score))")) {
      compile("score = " + score, Dtype.BF16, 64, compiled);
    }
    assertEquals(true, compiled.size() > 40, compiled::toString);
    compiled.removeAll(covered);
    assertEquals(Set.of(WITHOUT_CASE), compiled);
  }

  private static void compile(String clauses, Dtype dtype, int dim, Set<String> forms) {
    KernelCompiler.candidates(
            spec(clauses), List.of(Target.SM_90A, Target.SM_80), dtype, new HeadDim(dim, dim))
        .forEach(c -> Forms.of(c.kernel().body()).forEach(forms::add));
  }

  private static AttentionSpec spec(String clauses) {
    String text = "attention forms {\n" + clauses + "\n}\n";
    var checked = Frontend.load(new Source("forms.attn", text), ImportResolver.none());
    assertEquals(true, checked.ok(), () -> checked.diagnostics().toString());
    return checked.specs().getFirst();
  }
}
