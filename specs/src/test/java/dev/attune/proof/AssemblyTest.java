package dev.attune.proof;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.attune.compiler.schedule.Schedule;
import dev.attune.compiler.schedule.Target;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.ptx.artifact.Artifact;
import dev.attune.ptx.assemble.Assembler;
import dev.attune.ptx.assemble.Assembly;
import dev.attune.ptx.assemble.AssemblyException;
import dev.attune.ptx.assemble.Notice;
import dev.attune.ptx.compile.KernelCompiler;
import dev.attune.specs.SpecLibrary;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/**
 * Kernels of the library assemble without spills and without waits that the assembler inserts. A
 * build assembles every basic spec and every combination of target, head dimension and dtype once;
 * with {@code -Dattune.assemble=all} it assembles their product.
 */
class AssemblyTest {
  private static final List<Target> TARGETS =
      List.of(Target.SM_80, Target.SM_86, Target.SM_89, Target.SM_90);
  private static final boolean ALL = "all".equals(System.getProperty("attune.assemble"));
  private static final List<Integer> DIMS = List.of(64, 128, 256);

  private record Kernel(String spec, Target target, int dim, Dtype dtype) {

    /** What is wrong with any candidate for the target: they differ by the query length. */
    List<String> complaints() {
      return KernelCompiler.candidates(
              Kernels.library(spec), List.of(target), dtype, new HeadDim(dim, dim))
          .stream()
          .flatMap(c -> complaint(c.artifact(), c.schedule()).stream())
          .toList();
    }

    private Optional<String> complaint(Artifact artifact, Schedule schedule) {
      Assembly assembly;
      try {
        assembly = Assembler.build(artifact.ptx(), target);
      } catch (AssemblyException e) {
        return Optional.of(
            "%s, head dim %d, %s, %s: %s"
                .formatted(spec, dim, dtype.keyword(), schedule.print(), e.getMessage()));
      }
      List<Notice> serial = assembly.notices().stream().filter(Notice::serializes).toList();
      if (assembly.spillStores() + assembly.spillLoads() + serial.size() == 0) {
        return Optional.empty();
      }
      return Optional.of(
          "%s, %s, head dim %d, %s, %s: %d registers, %d bytes spilled, %d loaded back %s"
              .formatted(
                  spec,
                  target.ptxName(),
                  dim,
                  dtype.keyword(),
                  schedule.print(),
                  assembly.registers(),
                  assembly.spillStores(),
                  assembly.spillLoads(),
                  serial));
    }
  }

  private static List<Kernel> kernels(List<Target> targets, int stride) {
    List<Kernel> kernels = new ArrayList<>();
    List<String> names = SpecLibrary.basics();
    int combination = 0;
    for (Target target : targets) {
      for (int dim : DIMS) {
        for (Dtype dtype : Dtype.values()) {
          for (int i = 0; i < names.size(); i++) {
            // 24 combinations and 15 specs: each combination has one, each spec has one or two. Of
            // Hopper, where a kernel has several candidates, each spec is in one combination.
            if (ALL || i % stride == combination % stride) {
              kernels.add(new Kernel(names.get(i), target, dim, dtype));
            }
          }
          combination++;
        }
      }
    }
    return kernels;
  }

  @Test
  void nothingSpillsAndNothingSerializes() {
    assertAssembled(kernels(TARGETS, SpecLibrary.basics().size()));
  }

  @Test
  void nothingSpillsAndNothingSerializesOnHopper() {
    assertAssembled(kernels(List.of(Target.SM_90A), DIMS.size() * Dtype.values().length));
  }

  private static void assertAssembled(List<Kernel> kernels) {
    assertEquals(
        "",
        String.join("\n", kernels.parallelStream().flatMap(k -> k.complaints().stream()).toList()));
  }
}
