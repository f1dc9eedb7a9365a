package dev.attune.proof;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.attune.compiler.schedule.Batching;
import dev.attune.compiler.schedule.Target;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.ptx.assemble.Assembler;
import dev.attune.ptx.assemble.Assembly;
import dev.attune.ptx.assemble.Notice;
import dev.attune.ptx.compile.KernelBuilder;
import dev.attune.ptx.compile.KernelCompiler;
import dev.attune.ptx.compile.KernelCompiler.Compilation;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * Kernels for sequences of their own lengths, and for residue classes, assemble without spills and
 * without waits that the assembler inserts.
 */
class BatchAssemblyTest {

  private record Kernel(String spec, Target target, Batching batching, int dim) {

    Stream<String> complaints() {
      return KernelCompiler.candidates(
              Kernels.library(spec), List.of(target), Dtype.BF16, new HeadDim(dim, dim), batching)
          .stream()
          .flatMap(c -> complaint(c).stream());
    }

    private Optional<String> complaint(Compilation compiled) {
      Assembly assembly = Assembler.build(compiled.artifact().ptx(), target);
      long serial = assembly.notices().stream().filter(Notice::serializes).count();
      return assembly.spillStores() + assembly.spillLoads() + serial == 0
          ? Optional.empty()
          : Optional.of(
              "%s, %s: %d registers, %d bytes spilled, %d waits inserted"
                  .formatted(
                      this,
                      compiled.schedule().print(),
                      assembly.registers(),
                      assembly.spillStores(),
                      serial));
    }
  }

  /** A kernel that is left for one of narrower tiles is still for the same batches. */
  @Test
  void narrowerTilesAreForTheSameBatches() {
    KernelBuilder.Built built =
        KernelBuilder.build(
            Kernels.library("softcap"),
            new KernelCompiler.Options(
                Target.SM_80,
                Dtype.BF16,
                new HeadDim(64, 64),
                OptionalInt.empty(),
                Optional.empty(),
                Batching.PACKED));
    assertEquals(Batching.PACKED, built.compilation().artifact().manifest().batching());
    assertEquals(Batching.PACKED, built.compilation().tiles().batching());
    assertEquals(List.of(), built.assembly().flaws());
  }

  @Test
  void nothingSpillsAndNothingSerializes() {
    List<Kernel> kernels =
        List.of(
            new Kernel("causal", Target.SM_90A, Batching.PACKED, 128),
            new Kernel("causal_bottom_right", Target.SM_90A, Batching.PADDED, 64),
            new Kernel("document_causal", Target.SM_90A, Batching.PADDED, 128),
            new Kernel("relative_bias", Target.SM_90A, Batching.PACKED, 64),
            new Kernel("sliding_window", Target.SM_90A, Batching.PACKED, 256),
            new Kernel("dilated_window", Target.SM_90A, Batching.DENSE, 64),
            new Kernel("dilated_window", Target.SM_90A, Batching.DENSE, 128),
            new Kernel("axial_column", Target.SM_90A, Batching.DENSE, 256),
            new Kernel("causal", Target.SM_80, Batching.PACKED, 128),
            new Kernel("alibi", Target.SM_80, Batching.PADDED, 64),
            new Kernel("document_causal", Target.SM_90, Batching.PACKED, 256));
    assertEquals(
        "", String.join("\n", kernels.parallelStream().flatMap(Kernel::complaints).toList()));
  }
}
